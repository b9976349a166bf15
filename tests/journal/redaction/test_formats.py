"""Every format of the table, in all surroundings; docs/privacy.md lists each.

Samples are made at this moment from the templates: none is written down.
"""

import json
import random
from pathlib import Path

from journal.redaction.formats import FORMATS, prefix_of, sample
from journal.redaction.redactor import Redactor

KEY = bytes(range(32))
REDACTOR = Redactor(KEY)
CHANCE = random.Random()
DOCS = Path(__file__).parents[3] / "docs" / "privacy.md"
GREEN, GREP, OFF = "\x1b[32m", "\x1b[01;31m\x1b[K", "\x1b[m\x1b[K"


def letter(alphabet: list[str]) -> str:
    """One of them by chance; no padding, which in base64 stands at the end alone."""
    return CHANCE.choice([char for char in alphabet if char != "="] or alphabet)


def in_places(token: str) -> dict[str, bytes]:
    """A payload for each place where an agent meets a token."""
    nested = json.dumps({"content": json.dumps({"stdout": f"a\n{token}\nb"})})
    texts = {
        "prompt": f"please use {token} for it",
        "colours": f"a.txt:{GREP}{token}{OFF}\n{GREEN}{token}\x1b[0m",
        "json in json": nested,
        "file": f"# settings\nvalue = {token}\n",
        "diff": f"@@ -1 +1 @@\n-old {token}\n+{token}\n",
        "error": f"HTTP 401: invalid key '{token}'",
        "url": f"https://example.org/?q={token}&page=2",
        "percent": f"redirect%3D{token}%26next",
        "emphasis": f"use _{token}_ or __{token}__ for it",
        "zero width": f"it is \u200b{token}\u200b here",
    }
    return {place: json.dumps({"text": text}).encode() for place, text in texts.items()}


def test_a_token_is_redacted_in_any_place() -> None:
    for form in FORMATS:
        check_places(sample(form.template, letter))


def check_places(token: str) -> None:
    """Nowhere is a part of the token left."""
    for place, data in in_places(token).items():
        text = json.loads(REDACTOR.json(data))["text"]
        left = [token[at : at + 12] for at in range(max(1, len(token) - 11))]
        assert [part for part in left if part in text] == [], (place, token)
    header = json.dumps({"git": {"branch": f"fix/{token}", "top": f"/w/{token}"}}).encode()
    assert token.encode() not in REDACTOR.json(header)
    inside = f"{token[: len(token) // 2]}{GREEN}{token[len(token) // 2 :]}"
    assert token[-12:] not in REDACTOR.text(f"see {inside} there")


def test_the_documentation_lists_every_prefix() -> None:
    assert len({prefix_of(form) for form in FORMATS}) >= 130
    text = DOCS.read_text()
    assert [form.template for form in FORMATS if f"`{prefix_of(form)}`" not in text] == []
