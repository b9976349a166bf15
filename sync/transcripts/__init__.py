"""The agents' own transcripts: copied as they grow, imported as history, put together again.

`records` makes journal records of their lines, with ids that follow from the line; `copying`
follows live files, `history` reads files for `import`, `restored` writes the agent's file back.
"""
