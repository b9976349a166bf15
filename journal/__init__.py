"""The journal: what a record is, where files lie, what each agent's payload means."""

__version__ = "0.1.0"
