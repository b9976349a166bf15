"""The errors, with the texts that people read.

JournalError                 exit 1: it failed; the message is one line, the hint says what to do
├── UsageError               exit 2: wrong usage or configuration
└── BusyError                exit 75: another syncer holds the lock (EX_TEMPFAIL, sysexits.h)
"""


class JournalError(Exception):
    """Something failed: one line that names operation and path, and a hint for a person."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(JournalError):
    """The command line, the configuration or a settings file is wrong; nothing was touched."""

    exit_code = 2


class BusyError(JournalError):
    """Another process holds the lock and did not let go in the time that was given."""

    exit_code = 75
