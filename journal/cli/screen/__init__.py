"""Everything that draws on a terminal: tables, one session, progress, reports.

No module here is a command; commands of several groups share them.
"""
