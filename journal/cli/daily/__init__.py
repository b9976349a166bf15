"""The commands of every day: the board, `sessions`, `show`, `search`, `context`."""
