"""The context that the next session of a project starts with.

`block` writes what is said of one session, `briefing` the file in which the blocks wait for the
hook of SessionStart.
`capture_gaps` says in which times capture was off.
"""
