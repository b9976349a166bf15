"""Changed redaction rules are applied to everything that is stored already."""
