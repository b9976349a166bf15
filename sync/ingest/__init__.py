"""From the journal's files to facts: each whole line is stored once or kept in `dead/`.

Read `batch` and `journal_reader`, then `writer`. `spool` collects what hooks kept elsewhere,
`line_reader` reads growing files, `screening` keeps out what is excluded, private or secret,
`dead_letters` keeps what cannot be read.
"""
