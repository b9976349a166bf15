"""What people ask the database: lists, one session, search. Nothing here writes.

`filters` and `listing` are the lists, `detail` is one session, `around` the events near one event;
`search` uses `terms`, `candidates`, `ranking` and `cursors`.
"""
