"""One session is removed from every place in the home, also from files that are open.

`forget` is the whole of it; `traces` finds what speaks of a session, `scrub` rewrites files,
`excluded_lines` removes excluded records from the day files.
"""
