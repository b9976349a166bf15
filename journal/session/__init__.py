"""What events mean and what a session is, for all agents.

Pure functions: no clock, no settings, no SQL. Read `meaning` and `event` (one event in our terms),
`state` and `fold` (a session worked out from its events), then `summary`; `plan` is what
`journal run` sets.
"""
