"""From journal files to SQLite, and from there to what people and remotes are shown."""
