"""`journal browse`: the journal in the terminal (Textual): list, filter, search, read, go back in.

`app` is the program, `list_screen` the sessions and the search as one types, `session_screen` one
session with all that was said. All questions go to `sync/query`, in a thread next to the screen's.
"""
