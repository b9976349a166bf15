"""The context that the next session of a project starts with.

`session_text` writes what is said of one session, `prepared_file` the file in which these texts
wait for the hook of SessionStart. `capture_gaps` says in which times capture was off.
"""
