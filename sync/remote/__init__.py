"""Remotes: where pieces of sessions are archived. One contract, one module for each kind."""
