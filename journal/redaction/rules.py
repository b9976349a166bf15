"""Which names have secret values, and which values are secrets.

`strength` knows the names, `is_secret` the values that only look so, `counts` what is in one of
the `places`. Every pattern is linear: a run after which it may still fail is bounded. Only ASCII is
folded and classed, so that a pattern means the same over text and over its UTF-8 bytes.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from journal.redaction.places import Place

Strength = Literal["strong", "weak", "cookie"]

RULES_VERSION = 4  # raised with every change of what is redacted: what is stored is then older
MARKER = re.compile(r"\[redacted:[a-z]{1,16}:[0-9a-f]{8}\]")

_Q = r"\\{0,31}[\"'`]"  # a quote, as JSON in JSON may escape it
_PAIR = r"[\w.$-]{1,64}="

WORD = (
    r"(?:passw(?:or)?d|passphrase|pwd|pass|secret|credential|authorization|auth|cookie|token|key"
    r"|jwt)"
)
WORDS = ("pass", "pwd", "secret", "credential", "auth", "cookie", "token", "key", "jwt")
SUFFIX = r"[A-Za-z0-9_.-]{0,40}+"
_TYPE = r"(?:str|string|bytes|&(?:'static )?str|Optional\[str\]|str \| None)"


def separator(space: str, line_end: str, quote: str) -> str:
    """What is between a name and its value: `=`, `: `, `":"`, `>` or a `value` of its own."""
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
    "api|app|access|private|secret|signing|encryption|account|master|auth|service|deploy|storage"
    "|shared|session|jwt|hmac|license|licence|webhook"
)
_TOKEN_OF = (
    "auth|access|refresh|api|bot|bearer|oauth|deploy|personal|session|secret|github|gitlab|gh"
    "|slack|npm|hf|vault|user"
)
_STRONG = re.compile(
    r"passw(?:or)?ds?(?:_|\d|$)|passphrase|(?:_|^)pwd(?:_|\d|$)|secrets?(?:_|\d|$)"
    rf"|(?:{_KEY_OF})_?keys?(?:_|\d|$)|(?:{_TOKEN_OF})_?tokens?(?:_|\d|$)"
)
_COOKIE = re.compile(r"(?:_|^)cookies?(?:_|$)")
_WEAK = re.compile(r"(?:_|^)(?:tokens?|pass|auth|jwt|credentials?|authorization)(?:_|\d|$)|_key$")
# Keys that open nothing, and tokens that are counted.
_HARMLESS_KEY = re.compile(
    r"(?:_|^)(?:primary|foreign|partition|sort|range|cache|row|group|index|unique|composite|shortcut"
    r"|hot|i18n|translation|locale|lang|message|label|query|routing|idempotency|dedup\w*|dict|map"
    r"|object|json|lookup|public|publishable|pub|vault|sql|item|list|react|state|config|param|header"
    r"|form|data|event|path|file|object|s3|blob|metric|menu|arrow|function|modifier|press|registry"
    r"|enum|column|field|property|join|shard|hash|redis|feature|flag|order|default|next|last|start"
    r"|end|first)_keys?$"
    r"|(?:_|^)(?:max|min|num|limit|budget|count|total|prompt|completion|input|output|context|cached?"
    r"|reasoning|used|avg|mean|special|stop|pad|eos|bos|unk|mask|csrf_field|next|prev|page|design"
    r"|colou?r|theme)_\w{0,40}tokens?$|(?:_|^)tokens?_(?:per|in|out)_"
    r"|^existing_|(?:_|^)(?:is|has|needs?|requires?|use|forgot|reset|change|confirm_label)_\w*password$"
    r"|(?:keys?|tokens?|credentials?|auth|passwords?)_ids?$|access_key_id$"
)
_HARMLESS_END = re.compile(
    r"(?:_|^)(?:names?|types?|counts?|ur[il]|arn|endpoint|fields?|path|file|dir|length|len|size"
    r"|limits?|policy|expires|expiry|expiration|ttl|at|in|prefix|suffix|version|algorithm|alg|format"
    r"|encryption|enabled|required|index|label|hint|prompt|manager|store|class|usage|used|budget|min"
    r"|max|total|regex|pattern|rotation|reset|hash|reader|writer|parser|scopes?|expression|sources?"
    r"|configurations?|seconds|minutes|hours|days|age|start|end|public_key|thumbprint|fingerprint"
    r"|digest|checksum|headers?|timeout|refs?|title|text|message|error|errors|help|placeholder|icon"
    r"|button|page|view|route|link|form|input|state|status|strength|rules?|validator|generator|kind"
    r"|provider|service|handler|middleware|module|schema|columns?|table|attribute|param|parameter"
    r"|bytes|chars|cost|price|rate|window|ring|chain|board|pair|event|project_key|code_challenge)$"
)


@lru_cache(maxsize=4096)
def strength(name: str) -> Strength | None:
    """How surely a value of this name is secret; None: it is not.

    `strong`: a password, a secret, an API key; `weak`: what harmless things are called too (token,
    auth, all that ends in `_key`); `cookie`: secret only in the form of a cookie.
    """
    words = _CAMEL.sub("_", name).lower().strip("_")
    if _HARMLESS_END.search(words) or _HARMLESS_KEY.search(words):
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
        length -= 1  # the n of an escaped line end is not part of a name
    return before[:length][::-1] + text[start:end]


def lower(text: str) -> str:
    """Lower case, every character in its place (only U+0130 would become two)."""
    return text.replace("\u0130", "I").lower()


def assignments(text: str, low: str) -> Iterator[re.Match[str]]:
    """Secret-like words that something is assigned to, up to where its value begins.

    Looking for one word after the other is ten times faster than for all of them by one pattern.
    """
    for word in WORDS:
        at = low.find(word)
        while at >= 0:
            if match := _ASSIGNMENT.match(text, at):
                yield match
            at = low.find(word, at + 1)


# Placeholders for a secret, or where a secret would come from.
_HARMLESS = re.compile(
    r"""(?isx)
    [*•…x.\#?_=-]+ | .*(?:\.\.\.|…|\*{3}|x{5}).* | <.* | \$[({].* | \{.* | %\(\w+\)s | %\w+% | %s
  | \$\w+/.* | 0x(?:[0-9a-f]{1,8}|[0-9a-f]{40}) | pk_(?:test|live)_\w+ | arn:.*
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
# Words as a name, a constant or an id is made of them, with a number or a date at most.
_PIECE = r"(?:[A-Za-z]{2,}|[A-Z]|[vV]?\d{1,4}|[A-Za-z]{2,12}\d{1,2}|[A-Za-z]\d{1,2})"
_NAME_LIKE = re.compile(rf"{_PIECE}(?:(?:[-_./:#@+ ]|::){_PIECE})*", re.ASCII)
# What forms and their translations say of a password.
_LABEL = re.compile(
    r"(?i)passwor|contrase|mot de passe|motdepasse|senha|has[łl]o|wachtwoord|l[öo]senord|salasana"
    r"|parol|heslo|jelsz|[şs]ifre|m[ậa]t kh|kennwort|\u043f\u0430\u0440\u043e\u043b|\u5bc6\u7801"
    r"|\u5bc6\u78bc|\ube44\ubc00\ubc88\ud638|\u30d1\u30b9\u30ef\u30fc\u30c9"
    r"|^(?:enter|confirm|your|new|forgot|reset|invalid|show|hide|type|repeat|choose|current|please)\b"
)
_ATTRIBUTE = re.compile(
    r"(?i)path|max-age|expires|domain|samesite|secure|httponly|priority|version"
)
_SESSION_COOKIE = re.compile(
    r"(?i)(?:^|[._-]|s)(?:sid|sess|session|auth|token|jwt|csrf|xsrf|login|user|remember|sso|key|id)"
    r"|sess|auth|token"
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
_HUMPS = re.compile(r"[a-z][A-Z]")
_PROSE = re.compile(r"[A-Z][a-z']*(?:[ ,.:;]+[A-Za-z']+|[ ]\d+\b){3,}[ .!?]*")
_NO_PASSWORD = re.compile(r"(?i:pass|pwd|user|username|pw)|\d{1,5}[?#].*", re.DOTALL)
_COOKIE_VALUE = re.compile(_PAIR + r"[^;\s]{4}", re.ASCII)


def counts(place: Place, match: re.Match[str], secret: str) -> bool:
    """Whether what a row of the places found is a secret."""
    if "name" in match.re.groupindex and not strength(match["name"]):
        return False
    if place.how == "address":
        return not (_HARMLESS.fullmatch(secret) or _NO_PASSWORD.fullmatch(secret))
    if place.how == "cookie":
        return _is_session(secret)
    if place.how == "format":
        return bool(secret)
    if place.how == "guess":
        secret = secret.rstrip(".,;:!?)'\"`")
        return is_secret(secret, "strong", certain=False) and not _NAME_LIKE.fullmatch(secret)
    return is_secret(secret, "strong", certain=True)


def _is_session(cookies: str) -> bool:
    """Whether one of the cookies identifies a person; not those of a theme or a language."""
    for pair in cookies.split(";"):
        name, _, value = pair.strip().partition("=")
        if _ATTRIBUTE.fullmatch(name) or len(value) < 4:
            continue
        if _SESSION_COOKIE.search(name) or _is_random(value, certain=True):
            return True
    return False


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
        return bool(_COOKIE_VALUE.match(value)) and _is_session(value)
    if how == "weak":
        return _is_random(value, certain)
    if certain:
        return not (_PROSE.fullmatch(value) or _is_label(value))
    if _CODE.fullmatch(value):
        return False
    return bool(
        _MIXED.match(value) or _LONG_WORD.fullmatch(value) or len(_HUMPS.findall(value)) > 2
    )


def _is_label(value: str) -> bool:
    """Whether it is what a form says of a password."""
    return (not value.isascii() or " " in value) and bool(_LABEL.search(value))


def _is_random(value: str, certain: bool) -> bool:
    if not _TOKEN_CHARACTERS.fullmatch(value) or value.isdigit():
        return False
    if _FINGERPRINT.fullmatch(value) or _CODE.fullmatch(value) or _NAME_LIKE.fullmatch(value):
        return False
    if _MIXED.match(value):
        return certain or (len(value) >= 12 and entropy_bits(value) >= 3)
    return len(value) >= 20 and not value.isalpha() and entropy_bits(value) >= 4
