"""What a secret looks like: formats, names, values, and the quick test that says where none can be.

`FORMATS` are the formats vendors gave their tokens, `strength` knows the names whose values are
secret, `is_secret` the values that only look so. `may_hold` is the same knowledge as a filter over
raw JSON: each of its patterns starts with one rare literal byte, which CPython finds about ten
times faster than a set of bytes or an alternation.

Every pattern is linear: a run after which it may still fail is bounded. Only ASCII is folded and
classed, so that a pattern means the same over text and over its UTF-8 bytes.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

Strength = Literal["strong", "weak", "cookie"]

RULES_VERSION = 2  # raised with every change of what is redacted: what is stored is then older
MARKER = re.compile(r"\[redacted:[a-z]{1,16}:[0-9a-f]{8}\]")

# A token begins after anything but a letter or digit, or after an escape such as `\n` left in text.
_B = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf]))"
_S = r"\\{0,31}/"  # a slash, as JSON in JSON may escape it
_Q = r"\\{0,31}[\"'`]"  # a quote, likewise
_PRIVATE = r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_PAIR = r"[\w.$-]{1,64}="

# (rule, what any match holds when in lower case, pattern over decoded text); the group `secret`, if
# there is one, is what goes.
_FORMATS = (
    ("pem", "private key", rf"(?s:-----BEGIN {_PRIVATE}(?:.*?-----END {_PRIVATE}|.*))"),
    ("aws", "akia", _B + r"AKIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("aws", "asia", _B + r"ASIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("github", "gh", r"gh[pousr]_[A-Za-z0-9]{20,}"),
    ("github", "github_pat_", r"github_pat_\w{20,}"),
    ("gitlab", "gl", r"gl(?:pat|ptt|rt|dt|cbt|ft|soat|agent|oas|imt)-[\w-]{16,}"),
    ("slack", "xox", r"xox[a-z]-[A-Za-z0-9-]{10,}"),
    ("slack", "xapp-", r"xapp-\d-[A-Za-z0-9-]{10,}"),
    (
        "slack",
        "hooks.slack.com",
        rf"hooks\.slack\.com{_S}[a-z]{{4,16}}{_S}(?P<secret>(?:[\w-]|{_S}){{16,}})",
    ),
    ("stripe", "k_", r"[sr]k_(?:live|test)_[A-Za-z0-9]{10,}"),
    ("stripe", "whsec_", r"whsec_[A-Za-z0-9]{16}[A-Za-z0-9+/=]*"),
    ("anthropic", "sk-ant-", _B + r"sk-ant-[\w-]{16,}"),
    ("openai", "sk-", _B + r"sk-(?:(?:proj|svcacct|admin|or-v1|lf)-[\w-]{16,}|[A-Za-z0-9]{20,})"),
    ("google", "aiza", r"AIza[\w-]{30,}"),
    ("google", "ya29.", _B + r"ya29\.[\w-]{20,}"),
    ("google", "gocspx-", r"GOCSPX-[\w-]{20,}"),
    ("npm", "npm_", r"npm_[A-Za-z0-9]{30,}"),
    ("pypi", "pypi-", r"pypi-AgE[\w-]{20,}"),
    ("sendgrid", "sg.", _B + r"SG\.[\w-]{16,32}\.[\w-]{16,}"),
    ("twilio", "twilio", r"(?i:twilio)[^\n]{0,40}?(?P<secret>SK[0-9a-f]{32})"),
    ("huggingface", "hf_", _B + r"hf_[A-Za-z0-9]{24,}"),
    ("digitalocean", "_v1_", r"do[opr]_v1_[a-f0-9]{32,}"),
    ("shopify", "shp", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32,}"),
    ("telegram", ":aa", r"(?<!\d)\d{8,10}:AA[\w-]{30,}"),
    ("discord", ".", r"[MNO][\w-]{22,27}\.[\w-]{6}\.[\w-]{27,}"),
    (
        "discord",
        "discord",
        rf"discord(?:app)?\.com{_S}api{_S}webhooks{_S}\d+{_S}(?P<secret>[\w-]{{20,}})",
    ),
    ("databricks", "dapi", r"dapi[0-9a-f]{32}"),
    ("linear", "lin_", r"lin_(?:api|oauth)_[A-Za-z0-9]{20,}"),
    ("mindspring", "ms_", _B + r"ms_[A-Za-z0-9]{24,}"),
    ("docker", "dckr_pat_", r"dckr_pat_[\w-]{20,}"),
    ("vault", "hvs.", _B + r"hvs\.[\w-]{20,}"),
    ("age", "age-secret-key-1", r"AGE-SECRET-KEY-1[0-9A-Z]{40,}"),
    ("jwt", ".eyj", _B + r"eyJ[\w-]{8,4096}+\.eyJ[\w-]{8,}(?:\.[\w-]*)?"),
    ("url", "@", rf":(?:{_S}){{2}}[^\s:/@\"'<>\\]{{0,128}}:(?P<secret>[^\s/\"'<>\\]{{1,256}})@"),
    ("url", "@", rf":(?:{_S}){{2}}(?P<secret>[\w-]{{20,255}})@"),
    ("dsn", "@", r"(?<![\w.-])[\w.-]{1,64}:(?P<secret>[^\s@/\"'\\]{3,128})@(?:tcp|unix)\("),
    (
        "curl",
        "curl",
        rf"curl\b[^\n]{{0,200}}?[ ](?:-u|--user)[ =]?(?:{_Q})?[\w.@+-]{{1,64}}:"
        r"(?P<secret>[^\s\"'`\\]{3,128})",
    ),
    (
        "netrc",
        "login",
        r"(?i:login)[ \t\r\n]{1,8}[^\s\"\\]{1,64}[ \t\r\n]{1,8}(?i:password)[ \t\r\n]{1,8}"
        r"(?P<secret>[^\s\"'\\]{4,128})",
    ),
    (
        "bearer",
        "bearer",
        r"(?i:bearer)[ \t]{1,8}(?=[A-Za-z._~+/=-]{0,200}\d)(?P<secret>[A-Za-z0-9._~+/=-]{16,})",
    ),
    (
        "cookie",
        "cookie",
        rf"{_B}(?i:(?:set-)?cookie)(?:{_Q})?[ \t]{{0,8}}[:=][ \t]{{0,8}}(?:{_Q})?"
        rf"(?P<secret>{_PAIR}[\w%.~+/:=-]{{6}}[^;\s\"'\\]*(?:;[ ]?{_PAIR}[^;\s\"'\\]*)*)",
    ),
)
FORMATS = tuple((rule, held, re.compile(pattern, re.ASCII)) for rule, held, pattern in _FORMATS)

WORD = (
    r"(?:passw(?:or)?d|passphrase|pwd|pass|secret|credential|authorization|auth|cookie|token|key"
    r"|jwt)"
)
_WORDS = ("pass", "pwd", "secret", "credential", "auth", "cookie", "token", "key", "jwt")
SUFFIX = r"[A-Za-z0-9_.-]{0,40}+"
_TYPE = r"(?:str|string|bytes|&(?:'static )?str|Optional\[str\]|str \| None)"


def separator(space: str, line_end: str, quote: str) -> str:
    """What stands between a name and its value: `=`, `: `, `":"`, `>` or a `value` of its own."""
    return (
        rf"(?:(?:{quote})?\]?{space}(?::{space}{_TYPE}{space}=(?!=)|:[=+?-]|={{1,3}}>?|:|<-)|>"
        rf"|(?:{quote})?{line_end},?{line_end}(?:{quote})?value(?:{quote})?{space}[:=]){space}"
    )


_SPACE = r"[ \t]{0,8}"
_LINE_END = r"(?:[ \t\r\n]|\\{1,31}[nrt]){0,8}"
_ASSIGNMENT = re.compile(
    f"(?i:{WORD}){SUFFIX}(?P<separator>{separator(_SPACE, _LINE_END, _Q)})", re.ASCII
)
NAME_AT_END = re.compile(rf"(?i:{WORD}){SUFFIX}\Z", re.ASCII)
FLAG = re.compile(
    rf"(?<![\w-])--(?P<name>[A-Za-z][\w.-]{{0,60}})(?:{_Q}{_LINE_END},{_LINE_END}|[ \t]{{1,8}}|=)",
    re.ASCII,
)
_NAME_BACKWARDS = re.compile(r"[A-Za-z0-9_.-]{0,40}", re.ASCII)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
_KEY_OF = (
    "api|access|private|secret|signing|encryption|account|master|auth|service|deploy|storage"
    "|shared|session|jwt|hmac"
)
_TOKEN_OF = (
    "auth|access|refresh|api|bot|bearer|oauth|deploy|personal|session|secret|github|gitlab|gh"
    "|slack|npm|hf|vault|user"
)
_STRONG = re.compile(
    r"passw(?:or)?ds?(?:_|\d|$)|passphrase|(?:_|^)pwd(?:_|\d|$)|secrets?(?:_|\d|$)"
    r"|(?:_|^)credentials?(?:_|$)|(?:_|^)authorization(?:_|$)"
    rf"|(?:{_KEY_OF})_?keys?(?:_|\d|$)|(?:{_TOKEN_OF})_?tokens?(?:_|\d|$)"
)
_COOKIE = re.compile(r"(?:_|^)cookies?(?:_|$)")
_WEAK = re.compile(r"(?:_|^)(?:tokens?|pass|auth|jwt)(?:_|\d|$)|_key$")
_HARMLESS_END = re.compile(
    r"(?:_|^)(?:names?|types?|counts?|ur[il]|arn|endpoint|fields?|path|file|dir|length|len|size"
    r"|limits?|policy|expires|expiry|expiration|ttl|at|in|prefix|suffix|version|algorithm|alg|format"
    r"|encryption|enabled|required|index|label|hint|prompt|manager|store|class|usage|used|budget|min"
    r"|max|total|regex|pattern|rotation|reset|hash|reader|writer|parser|scopes?|expression|sources?"
    r"|configurations?|seconds|minutes|hours|days|age|start|end|public_key)$"
)


@lru_cache(maxsize=4096)
def strength(name: str) -> Strength | None:
    """How surely a value of this name is secret; None: it is not.

    `strong`: a password, a secret, an API key; `weak`: what harmless things are called too (token,
    auth, all that ends in `_key`); `cookie`: secret only in the form of a cookie.
    """
    words = _CAMEL.sub("_", name).lower().strip("_")
    if _HARMLESS_END.search(words):
        return None
    if _STRONG.search(words):
        return "strong"
    if _COOKIE.search(words):
        return "cookie"
    if _WEAK.search(words):
        return "strong" if name.isupper() and "TOKEN" in name else "weak"
    return None


def name_around(text: str, start: int, end: int) -> str:
    """The whole name of which `text[start:end]` is a secret-like word and what follows it."""
    before = text[max(0, start - 41) : start][::-1]
    match = _NAME_BACKWARDS.match(before)
    length = match.end() if match else 0
    if length and before[length : length + 1] == "\\" and before[length - 1] in "nrtbf":
        length -= 1  # the n of an escaped line end is no part of a name
    return before[:length][::-1] + text[start:end]


def lower(text: str) -> str:
    """Lower case, every character in its place (only U+0130 would become two)."""
    return text.replace("\u0130", "I").lower()


def assignments(text: str, low: str) -> Iterator[re.Match[str]]:
    """Secret-like words that something is assigned to, up to where its value begins.

    Looking for one word after the other is ten times faster than for all of them by one pattern.
    """
    for word in _WORDS:
        at = low.find(word)
        while at >= 0:
            if match := _ASSIGNMENT.match(text, at):
                yield match
            at = low.find(word, at + 1)


# Values that stand for a secret, or where a secret would come from, but are none.
_HARMLESS = re.compile(
    r"""(?isx)
    [*•…x.\#?_=-]+ | <.* | \$[({].* | \{.* | %\(\w+\)s | %\w+% | %s
  | \$\w+/.* | 0x[0-9a-f]{1,8} | arn:.*
  | (?-i: \$(?:[A-Z_][A-Z0-9_]*|[a-z_]+) )
  | \[?(?:redacted|hidden|masked|removed|filtered|secret|omitted)\b.{0,20}
  | null|none|nil|undefined|true|false|string|bytes|number|integer|boolean|object|unknown|default
  | example|sample|dummy|testing|change[-_]?(?:me|it|this)|placeholder|required|optional|disabled
  | enabled|include|same-origin|password|passwd|secrets?|tokens?|api[-_]?key|bearer|basic
  | (?:your|insert|enter|replace)[-_ ].* | .*[-_ ]here
  | \d{4}-\d\d-\d\d(?:[T ][\d:.Z+-]*)?
  | (?:process\.env|import\.meta|os\.environ|os\.getenv|env|environ|config|settings|self|this
      |secrets|vars?|local|module|data|args|options|opts|props|request|req|params|ctx)[.\[(].*
  | [a-z_][\w.:]*\(.*
  | [,;:)\]}\s].*
    """
)
_PATH = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:)?(?:[/\\]{1,2}[\w.@%{}$ -]*)+", re.ASCII)
_RANDOM_PART = re.compile(r"(?=[^/]{0,99}[a-z])(?=[^/]{0,99}[A-Z])(?=[^/]{0,99}\d)[\w-]{12}")
_FINGERPRINT = re.compile(
    r"(?i:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
    r"|(?:sha\d{1,3}|md5)[:-].*|(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128}))"
)
_CODE = re.compile(
    r"[A-Za-z_]+(?:(?:\.|::|->|\?\.)[A-Za-z_]+)+|[!&*@|].*|[a-z]{2,10}://.*"
    r"|[A-Za-z]+\d{0,2}(?:_[A-Za-z]+\d{0,2})+"
)
_TOKEN_CHARACTERS = re.compile(r"[\w.~+/=:%@!#$^&*-]{8,}", re.ASCII)
_LONG_WORD = re.compile(r"[a-z-]{16,}")
_MIXED = re.compile(r"(?=.{0,255}?[A-Za-z])(?=.{0,255}?\d)|.{0,255}?\w[@!#$%^&*~?]\w", re.DOTALL)
_PROSE = re.compile(r"[A-Z][a-z']*(?:[ ,.:;]+[A-Za-z']+|[ ]\d+\b){3,}[ .!?]*")
_NO_PASSWORD = re.compile(r"(?i:pass|pwd|user|username|pw)|\d{1,5}[?#].*", re.DOTALL)
_COOKIE_VALUE = re.compile(_PAIR + r"[^;\s]{4}", re.ASCII)


def is_password(value: str) -> bool:
    """Whether what stands before the `@` of an address is no placeholder, and no port and query."""
    return not (_HARMLESS.fullmatch(value) or _NO_PASSWORD.fullmatch(value))


def entropy_bits(value: str) -> float:
    """Shannon entropy of a string in bits a character."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values())


def is_secret(value: str, how: Strength, certain: bool) -> bool:
    """Whether a value next to a secret name is one, and no placeholder, path, type or code.

    `certain`: nothing but a value can stand there (quoted, `NAME=value`, behind a flag).
    """
    if len(value) < 6 or _HARMLESS.fullmatch(value):
        return False
    if _PATH.fullmatch(value) and not _RANDOM_PART.search(value):
        return False
    if how == "cookie":
        return bool(_COOKIE_VALUE.match(value))
    if how == "weak":
        return _is_random(value, certain)
    if certain:
        return not _PROSE.fullmatch(value)
    if _CODE.fullmatch(value):
        return False
    return bool(_MIXED.match(value) or _LONG_WORD.fullmatch(value))


def _is_random(value: str, certain: bool) -> bool:
    if not _TOKEN_CHARACTERS.fullmatch(value) or value.isdigit():
        return False
    if _FINGERPRINT.fullmatch(value) or _CODE.fullmatch(value):
        return False
    if _MIXED.match(value):
        return certain or (len(value) >= 12 and entropy_bits(value) >= 3)
    return len(value) >= 20 and not value.isalpha() and entropy_bits(value) >= 4
