"""The words of a command line, as bytes of any locale."""

import os
from pathlib import Path


def readable(word: str) -> str:
    """A word of the command line as text; a path stays as it is.

    In a locale that is not UTF-8, and for other bytes, Python has surrogates in their place.
    """
    if word.isascii() or not any("\ud800" <= char <= "\udfff" for char in word):
        return word
    path = word.partition("=")[2] if word.startswith("--") else word
    if os.path.lexists(path) or (os.sep in path and os.path.lexists(Path(path).parent)):
        return word
    return os.fsencode(word).decode("utf-8", "replace")
