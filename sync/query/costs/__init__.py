"""Tokens and what they cost: `prices` is what a token costs, `usage` sums up and groups."""
