"""One line of the journal: a record, its header and its payload, read apart.

A payload never becomes header: it is parsed by itself. Read `record` first, then `header`;
`json_strings` finds the strings of raw JSON, `own_facts` writes the journal's own records.
"""
