"""What can go wrong between files and SQLite, each with a hint for a person."""

from journal.errors import JournalError


class StoreError(JournalError):
    """The database cannot be used: missing rights, full disk, damaged, or a newer schema."""


class DamagedStoreError(StoreError):
    """The database's file is not what SQLite wrote; it can be rebuilt from the journal."""


class LossError(StoreError):
    """Going on would lose what the message names; nothing was changed."""
