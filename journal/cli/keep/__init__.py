"""The commands that keep or delete: `pin`, `forget`, `export`, `redact`, `off`."""
