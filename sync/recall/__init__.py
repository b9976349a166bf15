"""What an agent asks of earlier sessions: the queries behind the tools of `journal mcp`.

Each module answers one question with rows and stored texts, and draws nothing. Which sessions may
be shown is decided by `scope` alone. Read scope, words, found, then the questions: recent,
file_history, command_history, error_history, session_pages.
"""
