"""The database file: opened, locked, migrated, kept small and backed up; and the facts in it.

Facts are what the journal says. Read `schema` and `connection`, then `facts` and `bodies`;
`deletion` removes facts, `locks` are the home's locks.
"""
