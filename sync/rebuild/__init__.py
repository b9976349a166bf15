"""The database is made from the journal again: `rebuild`, `salvage` from the old one, `swap`."""
