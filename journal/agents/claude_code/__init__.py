"""Claude Code: its hooks, its tools and its transcripts.

Read `hooks` (what a payload means) and `tools` first; `transcript_lines` says what is kept of a
transcript's line, `transcript_meaning` what a kept line means, `torn_lines` reads damaged ones.
"""
