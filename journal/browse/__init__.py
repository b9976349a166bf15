"""`journal browse` and `sessions --live`: the journal in the terminal (Textual).

`app` is the program: a line to type in, the list, the footer. `looking` is the thread that asks
`source` for what the line wants, when it was typed and whenever something changes; `search_line`
reads the line. `session_screen` is one session with all that was said. `drawing` makes text of
it all.
"""
