"""Text of other programs and servers, and errors that quote it, for messages and logs.

By the built-in rules, with a key of this process: such text is shown before any setting is read.
"""

import secrets
from functools import cache

from journal.redaction.redactor import Redactor


@cache
def _redactor() -> Redactor:
    return Redactor(secrets.token_bytes(32))


def redacted(text: str) -> str:
    """The text without the secrets that the built-in rules know."""
    return _redactor().text(text)
