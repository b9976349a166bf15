"""The user's settings: `sections` declares every key, `sources` says where values come from.

Environment variables beat `config.toml`, which beats the defaults. An unknown key or a bad value
is an error that names the key.
"""
