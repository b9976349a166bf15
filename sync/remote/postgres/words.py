"""The words of a text, as the archive's index has them: the same as those of the local index."""

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """Without case and accents, split where a character is neither a letter nor a digit."""
    plain = unicodedata.normalize("NFD", text.lower())
    bare = "".join(char for char in plain if not unicodedata.combining(char))
    return _WORD.findall(bare)
