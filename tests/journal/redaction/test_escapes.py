"""What hides a token hides it from nobody: each form of writing, over the documented formats."""

import json
import random
from collections.abc import Callable

import pytest

from chance import THOROUGH
from journal.redaction.formats import FORMATS, sample
from journal.redaction.quick_filter import may_hold
from journal.redaction.redactor import Redactor

REDACTOR = Redactor(bytes(range(32)))
CHANCE = random.Random()
MANY = len(FORMATS) if THOROUGH else 5
BOLD = dict(zip(range(ord("a"), ord("z") + 1), map(chr, range(0x1D41A, 0x1D434)), strict=True))
Write = Callable[[str], str]


def each(form: str) -> Write:
    """Every character in this form."""
    return lambda token: "".join(form % ord(char) for char in token)


def inside(hidden: str) -> Write:
    """This in the middle of a token."""
    return lambda token: hidden.join((token[: len(token) // 2], token[len(token) // 2 :]))


def around(before: str, behind: str = "") -> Write:
    return lambda token: before + token + behind


def nested(write: Write, depth: int) -> Write:
    """JSON in JSON."""

    def written(token: str) -> str:
        text = write(token)
        for _ in range(depth):
            text = json.dumps({"out": f'a\n"{text}"\n'})
        return text

    return written


FORMS: dict[str, Write] = {
    "octal": each("\\%03o"),
    "octal with a zero": each("\\0%03o"),
    "octal in JSON": nested(each("\\%03o"), 2),
    "first letter octal": lambda token: f"\\{ord(token[0]):03o}{token[1:]}",
    "octal around": around("x\\075", "\\046y"),
    "braces": each("\\u{%x}"),
    "braces with zeros": each("\\x{00%x}"),
    "eight digits": each("\\U%08x"),
    "CSS": each("\\%06x"),
    "percent u": each("%%u%04x"),
    "percent, three times": each("%%2525%02x"),
    "entities": each("&#%05d;"),
    "entities, hexadecimal": each("&#x%04x;"),
    "entities without an end": each("&#%d"),
    "entities, twice": each("&amp;#%d;"),
    "entities by name": lambda token: token.replace("_", "&lowbar;").replace(".", "&period;"),
    "wide": lambda token: "".join(chr(ord(char) + 0xFEE0) for char in token),
    "some wide": lambda token: token[:3] + chr(ord(token[3]) + 0xFEE0) + token[4:],
    "bold": lambda token: token.translate(BOLD),
    "hyphens of a word processor": lambda token: token.replace("-", "\u2011"),
    "Markdown": lambda token: token.replace("_", "\\_"),
    "JSON in JSON in JSON": nested(around(""), 5),
    "quoted-printable": inside("=\r\n"),
    "a line that goes on": inside("\\\n"),
    "colour with colons": inside("\x1b[38:2::1:2:3m"),
    "8-bit colour": inside("\x9b31m"),
    "a link": around("a\x1b]8;;https://example.org/\x1b\\", "\x1b]8;;\x1b\\"),
    "a link inside": inside(f"\x1b]8;;https://example.org/{'a' * 600}\x07"),
    "a link in JSON": nested(inside("\x1b]8;;https://example.org/\x1b\\"), 2),
    "a colour in JSON": nested(around("a\x1b[4:3m", "\x1b[0m"), 2),
    "a colour of cat -v": inside("^[[1;31m"),
    "a colour in symbols": around("a\u241b[32m", "\u241b[0m"),
    "a colour in braces": inside("\\u{1b}[31m"),
    "a colour in percent": inside("%1B%5B31m"),
    "a colour without its escape": around("[32m", "[0m"),
    "half a colour": inside("[31m"),
    "soft hyphen": inside("&shy;"),
    "zero width": inside("&#8203;"),
    "zero width, escaped": inside("\\u200b"),
    "zero width before": around("a\\u{200b}"),
    "zero width, percent": inside("%E2%80%8B"),
    "where a line may break": inside("<wbr>"),
}
NAMED = (
    "password\uff1a{}", "api_key\uff1d{}", "password:\u00a0{}", "password:&nbsp;{}",
    "\\160assword={}", "pass\uff57ord={}", "DB\\_PASSWORD={}", "password\\075{}",
)  # fmt: skip
# As little as it may be, and nothing but text.
HARMLESS = (
    "s/\\(a\\)\\101/\\1\\2/ and chmod 0755, \\0101, C:\\101\\new\\u{41}",
    "\u5bc6\u7801\uff1a\u8bf7\u8f93\u5165\u60a8\u7684\u5bc6\u7801\uff0c\u5171 2 \u6b21\u3002",
    "\uff21\uff22\uff23 1\uff0c000 tokens\uff1a 2 keys",
    "\\section{a\\_b} &nbsp;&nbsp; token&colon;&nbsp;<wbr>name",
    "arr[0m], x[38;5;1m text [0m, ^[[31merror^[[0m",
    "\U0001d413\U0001d428\U0001d424\U0001d41e\U0001d427: see \U0001d7cf",
    "a state\u2011of\u2011the\u2011art key\u2010value store",
)


def letter(alphabet: list[str]) -> str:
    return CHANCE.choice([char for char in alphabet if char != "="] or alphabet)


@pytest.mark.parametrize("name", FORMS)
def test_no_form_of_writing_hides_a_token(name: str) -> None:
    for form in CHANCE.sample(FORMATS, MANY):
        if "=" in form.template and name == "quoted-printable":
            continue  # what it encodes cannot be told from the token
        token = sample(form.template, letter)
        text = FORMS[name](token)
        for ascii_only in (True, False):
            data = json.dumps({"text": text}, ensure_ascii=ascii_only).encode()
            assert may_hold(data), (form.template, token)
            left = json.loads(REDACTOR.json(data))["text"]
            assert "[redacted:" in left, (form.template, text)
            assert token[-6:] not in left, (form.template, text)


@pytest.mark.parametrize("text", NAMED)
def test_no_form_of_writing_hides_a_name(text: str) -> None:
    secret = "".join(CHANCE.choices("abcdefgh", k=9) + CHANCE.choices("23456789", k=5))
    said = text.format(secret)
    for ascii_only in (True, False):
        data = json.dumps({"text": said}, ensure_ascii=ascii_only).encode()
        assert secret not in REDACTOR.json(data).decode(), said


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_with_such_forms_stays(text: str) -> None:
    for ascii_only in (True, False):
        data = json.dumps({"text": text}, ensure_ascii=ascii_only).encode()
        assert REDACTOR.json(data) == data
