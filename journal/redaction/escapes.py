"""What hides letters in text, and what it spells: sequences, invisible characters, escapes, forms.

Each kind stands here twice: as the rules read it, in decoded text, and as the quick filter finds
it, in the lower-case bytes of raw JSON or of UTF-8 text, where it may be wider but never narrower.
"""

import re
import unicodedata

from journal.printable import INVISIBLE, SEQUENCES

_B = r"\\{1,31}"  # as JSON in JSON may escape it
# The escape character itself, or spelled as logs, JSON in JSON, shells, `cat -v` and links do.
_BACKSLASHED = r"u001b|u\{0{0,6}1b\}|u0000001b|x1b|x\{0{0,6}1b\}|033|e"
_SPELLED = (
    rf"(?i:{_B}(?:{_BACKSLASHED})|%(?:25)*1b|\^\[|\u241b"
    r"|&(?:amp;)*\#(?:0{0,6}27|x0{0,6}1b);)"
)
_CSI = r"(?:\[|(?i:%(?:25)*5b))[0-?]{0,64}[ -/]{0,8}[@-~]"
# Up to its end; of a link, what follows that is its text. No beginning of another one is in it, so
# that the time stays linear.
_BELL = rf"\x07|{_B}(?:u0007|x07|007|a)"
_OSC = (
    rf"(?i:{_B}(?:{_BACKSLASHED})|\^\[|\u241b)\](?:[^\\^\u241b\x07\x1b\n]|{_B}/){{0,400}}+"
    rf"(?i:{_BELL}|{_SPELLED}\\{{1,32}})"
)
_STRIPPED = r"\[\d{1,3}(?:[;:]\d{1,3}){0,8}m"  # a colour whose escape character was removed
_UNSEEN = (
    rf"{_B}u(?:200[b-fB-F]|206[0-4]|00[aA][dD]|[fF][eE][fF]{{2}})"
    rf"|{_B}u\{{0{{0,4}}(?i:200[b-f]|206[0-4]|ad|feff)\}}"
    r"|(?i:%(?:25)*e2%(?:25)*80%(?:25)*8[b-f]|%(?:25)*c2%(?:25)*ad|%(?:25)*ef%(?:25)*bb%(?:25)*bf)"
    r"|(?i:&(?:amp;)*(?:shy|zwn?j|zerowidthspace|lrm|rlm|nobreak"
    r"|\#0{0,4}(?:173|820[3-7]|65279)|\#x0{0,4}(?:ad|200[b-f]|feff));)"
    r"|(?i:<wbr ?/?>)"
)
_CHARS = rf"{INVISIBLE}\u200c\u200d\x00-\x08\x0e-\x1a\x1c-\x1f\x7f"
# The first character decides quickly, and a run of invisible characters is one step.
HIDDEN_TEXT = re.compile(
    rf"(?=[{_CHARS}\x1b\x9b\\%&^<\[\u241b])(?:[{_CHARS}]++|{SEQUENCES}"
    rf"|{_SPELLED}{_CSI}|{_OSC}|{_STRIPPED}|{_UNSEEN}|\x1b)++"
)
_NAMES = {
    "quot": '"', "amp": "&", "lt": "<", "gt": ">", "apos": "'", "lowbar": "_", "underbar": "_",
    "period": ".", "sol": "/", "bsol": "\\", "colon": ":", "semi": ";", "equals": "=",
    "plus": "+", "hyphen": "-", "dash": "-", "commat": "@", "comma": ",", "num": "#",
    "dollar": "$", "percnt": "%", "ast": "*", "excl": "!", "nbsp": " ", "newline": "\n",
    "tab": "\t",
}  # fmt: skip
_ALL_NAMES = "|".join(_NAMES)
ENCODES = "\\%&="
ENCODED_TEXT = re.compile(
    r"%(?:25)*(?:u00)?(?P<percent>[0-9A-Fa-f]{2})"
    rf"|{_B}(?:u00|U000000|x|0000)(?P<hex>[2-7][0-9A-Fa-f])"
    rf"|{_B}[ux]\{{0{{0,6}}(?P<braced>[2-7][0-9A-Fa-f])\}}"
    rf"|{_B}0?(?P<octal>0[4-7][0-7]|1[0-7]{{2}})"
    rf"|{_B}(?P<sign>_)|(?:{_B}|=)\r?(?P<line>\n)(?=\S)"
    r"|&(?:amp;)*\#0{0,6}(?P<entity>\d{2,3})(?!\d);?"
    r"|&(?:amp;)*\#[xX]0{0,6}(?P<hexentity>[2-7][0-9A-Fa-f])(?![0-9A-Fa-f]);?"
    rf"|&(?P<name>(?i:{_ALL_NAMES}));"
)
# Quoted-printable by itself: `key=41…` is that only in mails.
QUOTED_TEXT = re.compile(
    r"=(?P<quoted>[2-7][0-9A-F])|=(?P<soft>\r?\n|\\{1,31}r\\{1,31}n|\\{1,31}n)(?=\S)"
)


def decoded(found: re.Match[str]) -> str:
    """What a match of these two encodes; itself, if that is no character of a token or name."""
    kind = found.lastgroup
    value = found[kind] if kind else ""
    if kind in ("soft", "line"):
        return ""
    if kind == "sign":
        return value
    if kind == "name":
        return _NAMES[value.lower()]
    code = int(value, {"entity": 10, "octal": 8}.get(kind or "", 16))
    return chr(code) if 0x20 <= code < 0x7F or code in (9, 10, 13) else found[0]


def in_ascii(text: str) -> str:
    """`text` with wide, bold and other forms of ASCII's characters as these, each in its place.

    So also hyphens and spaces that a word processor or a page puts for them.
    """
    return text if text.isascii() else text.translate(_FORMS)


def _forms() -> dict[int, str]:
    wide = range(0xFF01, 0xFF5F)
    styled = range(0x1D400, 0x1D800)  # mathematical letters and digits
    spaces = (0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
    normal = {code: unicodedata.normalize("NFKC", chr(code)) for code in (*wide, *styled, *spaces)}
    hyphens = dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2212, 0xFE63), "-")
    return {code: char for code, char in normal.items() if char.isascii()} | hyphens


_FORMS = _forms()


# The same in lower-case bytes. Where one of these is, only the rules can decide; an escape of what
# needs none can hide any word.
_HEX = [f"{high}{low}" for high in "234567" for low in "0123456789abcdef"]
_ESCAPES = (
    *(f"u00{high}" for high in "01234567"), "u009b", "u00ad", "u034f", "u061c", "u115", "u116",
    "u17b", "u180", "u200", "u2010", "u2011", "u2012", "u202", "u206", "u2212", "u241b", "u2800",
    "u3164", "ud82f", "ud834", "ud835", "udb40", "ufe", "uff", "u{", "x1b", "x{",
    *(f"x{high}" for high in "234567"), "033[", "033]", "e[", "e]", "/", "_", "00", "01",
    *(f"0{high}" for high in "4567"), *(f"1{high}" for high in "01234567"), "\\\\n", "\\\\r\\n",
)  # fmt: skip
_NAMED = ("lowbar", "underbar", "period", "sol;", "bsol", "colon", "equals", "plus", "commat",
          "hyphen", "dash", "nbsp", "shy", "zw", "zero", "lrm", "rlm", "nobreak")  # fmt: skip
_STRIPPED_BEGINNINGS = (
    *(f"[{code}m" for code in (*range(10), 22, 39, 49, *range(30, 38), *range(90, 98))),
    *(f"[{code}{sign}" for code in ("0", "1", "00", "01", "38", "48") for sign in ";:"),
)
_CONTROLS = bytes(range(9)) + bytes(range(14, 32)) + b"\x7f"
SPACED = bytes.maketrans(_CONTROLS, b" " * len(_CONTROLS))
_PLANES = (b"\xf0\x9b\xb2", b"\xf0\x9d\x85", b"\xf3\xa0")  # beginnings of longer characters
_STYLED = [b"\xf0\x9d" + bytes([code]) for code in range(0x90, 0xA0)]
_WIDE = [chr(code).encode() for code in range(0xFF10, 0xFF5B) if chr(code).isalnum()]
_WIDE += [chr(code).encode() for code in (0xFF0D, 0xFF0E, 0xFF0F, 0xFF1A, 0xFF1D, 0xFF3F)]
_RANGES = (
    "\x9b\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u2010\u2011\u2012\u2212\u2800\u241b\u3164\ufeff"
    "\uffa0\ufe63",
    "".join(map(chr, (*range(0x180B, 0x1810), *range(0x200B, 0x2010), *range(0x202A, 0x202F)))),
    "".join(map(chr, (*range(0x2060, 0x2070), *range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFFC)))),
)
HIDING = frozenset(
    [f"\\{escape}".encode() for escape in _ESCAPES]
    + [f"{sign}{code}".encode() for sign in "%=" for code in _HEX]
    + [b"%u00", b"%1b", b"%e2%80%8", b"%c2%ad", b"%ef%bb%bf", b"%25"]
    + [b"&#", b"&quot", b"&amp", b"&lt", b"&gt", b"&apos", b"^[[", b"^[]", b"<wbr"]
    + [f"&{name}".encode() for name in _NAMED]
    + [beginning.encode() for beginning in _STRIPPED_BEGINNINGS]
    + [b"=\\r", b"=\\n", b"=\\\\", b"=\r\n", b"=\n", b"\\\n", b"\\\r\n"]
    + [bytes([code]) for code in _CONTROLS]
    + [char.encode() for chars in _RANGES for char in chars]
    + [*_PLANES, *_STYLED, *_WIDE]
)
_ANY_SPACE = rb"(?:\xc2\xa0|\xe2\x80[\x80-\x8a\xaf]|\xe2\x81\x9f|\xe3\x80\x80)"
RAW_ESCAPES = re.compile(
    rb"\\(?:u(?:00(?:[0-7]|9b|ad)|034f|061c|11[56]|17b|180|20[026]|201[0-2]|2212|241b|2800|3164"
    rb"|d8(?:2f|3[45])|db40|f[ef]|\{)"
    rb"|x(?:1b|[2-7]|\{)|033[\[\]]|e[\[\]]|/|_|0[014-7]|1[0-7]|\r?\n)"
    # A backslash before the end of a line, in JSON, or in JSON in JSON.
    rb"|(?:^|[^\\])\\{3}(?:\\{4}(?:\\{8})?)?(?:r\\{1,15})?n[^ ]"
)
ENCODED = (
    rb"%(?:25)*(?:u00)?[2-7][0-9a-f]",
    rb"%(?:25)*(?:1b|c2%|e2%|ef%)",
    rb"&(?:#|quot|amp|lt|gt|apos|lowbar|underbar|period|sol;|bsol|colon|equals|plus|commat|hyphen|dash|nbsp"
    rb"|shy|zw|zero|lrm|rlm|nobreak)",
    rb"=(?:[2-7][0-9a-f]|\\{1,63}[rn]|\r?\n)",
    rb"<wbr",
    rb"\^\[[\[\]]",
    rb"\[\d{1,3}(?:[;:]\d{1,3})*m",
)
_RAW_ENCODED = re.compile(b"|".join(ENCODED))
RAW_INVISIBLE = re.compile(
    rb"\xc2[\x9b\xad]|\xcd\x8f|\xd8\x9c|\xe1\x85[\x9f\xa0]|\xe1\x9e[\xb4\xb5]|\xe1\xa0[\x8b-\x8f]"
    rb"|\xe2\x80[\x8b-\x92\xaa-\xae]|\xe2\x81[\xa0-\xaf]|\xe2\x88\x92|\xe2\x90\x9b|\xe2\xa0\x80"
    rb"|\xe3\x85\xa4|\xef\xb8[\x80-\x8f]|\xef\xb9\xa3|\xef\xbb\xbf|\xef\xbe\xa0|\xef\xbf[\xb0-\xbb]"
    rb"|\xf0\x9b\xb2|\xf0\x9d[\x85\x90-\x9f]|\xf3\xa0"
    rb"|\xef\xbc[\x8d-\x99\x9d\xa1-\xbf]|\xef\xbd[\x81-\x9a]"
    rb"|[a-z0-9\"'`\])]\xef\xbc\x9a|[:=]" + _ANY_SPACE + rb"|bearer" + _ANY_SPACE
)


def may_hide(low: bytes, encodes: bool = True) -> bool:
    """Whether bytes of JSON, or UTF-8 text, in lower case, may have other readings.

    `encodes`: one of `ENCODED` may be among them, as the caller knows already.
    """
    return (
        RAW_ESCAPES.search(low) is not None
        or (encodes and _RAW_ENCODED.search(low) is not None)
        or len(low.translate(None, _CONTROLS)) != len(low)
        or hides_characters(low)
    )


def hides_characters(low: bytes) -> bool:
    """Whether invisible characters of several bytes are among these, which no colour explains."""
    return not low.isascii() and RAW_INVISIBLE.search(low) is not None
