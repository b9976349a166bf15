"""The context that the next session of a project starts with.

`briefing` writes the text and the file in which it waits for the hook of SessionStart.
`capture_gaps` says in which times capture was off.
"""
