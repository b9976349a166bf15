"""Redaction: secrets in payloads become markers before anything is stored.

It works on the raw JSON: string tokens that may hold a secret are decoded, redacted and put back
in their place; every other byte stays as it came (NaN, 1e999, duplicate keys, white space).
`[redacted:<rule>:<8 hex>]` is an HMAC by a key of this installation: equal secrets look equal, and
nothing leads back to them.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from journal import redaction_rules as rules
from journal.errors import UsageError
from journal.redaction_filter import may_hold
from journal.redaction_rules import MARKER, RULES_VERSION, Strength
from journal.redaction_values import SCHEME, named_values

__all__ = ["RULES_VERSION", "Redactor"]

ROUNDS = 3  # what one redaction uncovers, the next one takes; more than that is given up whole
NAME_BYTES = 512  # more than the longest name a rule knows, with every letter escaped
ADDRESSES = ("url", "dsn", "curl", "netrc")  # rules whose secret may be a placeholder

# A string that nothing closes (a torn line) goes on to the end of the data.
_STRING = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)(?:"|\\?\Z)', re.DOTALL)
_COLON = re.compile(rb"[ \t\r\n]*+:")
_PEM_EDGE = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")

Span = tuple[int, int, str]


class Redactor:
    """Replaces secrets by markers; what is redacted once stays as it is when redacted again.

    `patterns` are regular expressions of more secrets (the group `secret`, if there is one, is what
    goes), `allow` of values that are none (each must match the whole value).
    UsageError: an expression that is not valid, with the name of its setting.
    """

    def __init__(
        self,
        key: bytes,
        patterns: Sequence[str] = (),
        allow: Sequence[str] = (),
        enabled: bool = True,
    ) -> None:
        self.enabled = enabled
        self._key = key
        self._patterns = [_compiled(pattern, "redact.patterns") for pattern in patterns]
        self._allow = [_compiled(pattern, "redact.allow") for pattern in allow]
        self._formats = (*rules.FORMATS, *(("user", "", pattern) for pattern in self._patterns))

    def may_hold_secret(self, data: bytes) -> bool:
        """False only if `json` and `text` would leave these bytes as they are; quick.

        True for everything if there are patterns of the user: they are for decoded text.
        """
        return self.enabled and (bool(self._patterns) or may_hold(data))

    def json(self, data: bytes) -> bytes:
        """JSON with its secrets redacted; the same object if there are none.

        Valid JSON stays valid; of what is not, the strings are redacted as far as they can be told.
        """
        if not self.may_hold_secret(data):
            return data
        once = self._rewritten(data, again=False)
        return once if once is data else self._rewritten(once, again=True)

    def text(self, text: str) -> str:
        """Text that is no JSON, with its secrets redacted; the same object if there are none."""
        if not self.may_hold_secret(text.encode("utf-8", "surrogatepass")):
            return text
        return self._settled(text)

    def _rewritten(self, data: bytes, again: bool) -> bytes:
        """`data` with its strings redacted; `again`: a string that still hits goes whole."""
        parts: list[bytes] = []
        done = 0
        walk = _Walk()
        for match in _STRING.finditer(data):
            raw = match[1]
            how = walk.step(data, match)
            if not (how or walk.in_pem or self.may_hold_secret(raw)):
                continue
            old = _decoded(raw)
            new = self._string(old, how, walk)
            if new != old:
                new = self._marker("whole", old) if again else new
                parts += (data[done : match.start(1)], _encoded(new))
                done = match.end(1)
        return b"".join((*parts, data[done:])) if parts else data

    def _string(self, text: str, how: Strength | None, walk: "_Walk") -> str:
        if walk.in_pem:
            walk.in_pem = not _PEM_EDGE.search(text)
            keep = not text.strip() or MARKER.fullmatch(text)
            return text if keep else self._marker("pem", text)
        edges = _PEM_EDGE.findall(text)
        walk.in_pem = bool(edges) and edges[-1] == "BEGIN"
        new = self._settled(text)
        if how:
            rest = MARKER.sub("", new)
            scheme = SCHEME.match(rest)
            start = scheme.end() if scheme else 0
            if rules.is_secret(rest[start:], how, certain=True) and not self._allowed(text[start:]):
                return rest[:start] + self._marker("named", text[start:])
        return new

    def _settled(self, text: str) -> str:
        """`text` redacted until nothing hits any more."""
        for _ in range(ROUNDS):
            new = self._pass(text)
            if new == text:
                return text
            text = new
        return text if self._pass(text) == text else self._marker("whole", text)

    def _pass(self, text: str) -> str:
        """One round of all rules over what lies between the markers."""
        parts: list[str] = []
        done = 0
        for marker in MARKER.finditer(text):
            parts += (self._piece(text[done : marker.start()]), marker[0])
            done = marker.end()
        return "".join((*parts, self._piece(text[done:]))) if parts else self._piece(text)

    def _piece(self, text: str) -> str:
        parts: list[str] = []
        done = 0
        for start, end, rule in _merged(self._spans(text)):
            parts += (text[done:start], self._marker(rule, text[start:end]))
            done = end
        return "".join((*parts, text[done:])) if parts else text

    def _spans(self, text: str) -> Iterator[Span]:
        """What the rules find, the more specific ones first."""
        low = rules.lower(text)
        for rule, held, pattern in self._formats:
            if held not in low:
                continue
            group = "secret" if "secret" in pattern.groupindex else 0
            for match in pattern.finditer(text):
                start, end = match.span(group)
                secret = text[start:end]
                if rule in ADDRESSES and not rules.is_password(secret):
                    continue
                if secret and not self._allowed(secret):
                    yield start, end, rule
        for start, end, how, certain in named_values(text, low):
            value = text[start:end]
            if rules.is_secret(value, how, certain) and not self._allowed(value):
                yield start, end, "named"

    def _allowed(self, secret: str) -> bool:
        return any(pattern.fullmatch(secret) for pattern in self._allow)

    def _marker(self, rule: str, secret: str) -> str:
        digest = hmac.new(self._key, secret.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"[redacted:{rule}:{digest.hexdigest()[:8]}]"


class _Walk:
    """Where a string stands in its JSON, and what the strings before it say about it."""

    def __init__(self) -> None:
        self.in_pem = False  # a private key has begun in the list this string is in
        self._before = b""
        self._end = 0
        self._of_list: Strength | None = None
        self._of_pair: Strength | None = None  # of `{"name": "DB_PASSWORD", "value": …}`

    def step(self, data: bytes, match: re.Match[bytes]) -> Strength | None:
        """Whether this string is the value of a secret name."""
        gap = data[self._end : match.start()].translate(None, b" \t\r\n")
        before, self._before, self._end = self._before, match[1], match.end()
        how = None
        if gap != b"," or _COLON.match(data, match.end()):
            self.in_pem = False
        if _COLON.match(data, match.end()):
            self._of_pair = _strength(before) if gap == b"," and match[1] == b"value" else None
            self._of_list = None
        elif gap[:1] == b":" and not gap[1:].strip(b"["):
            how = _strength(before) or self._of_pair
            self._of_list = how if len(gap) > 1 else None
        elif self._of_list and not gap.strip(b"[],"):
            how = self._of_list
        elif gap == b"," and before[:2] == b"--":
            how = _strength(before)
        return how


def _strength(raw: bytes) -> Strength | None:
    """How secret the value is whose key, still escaped, is `raw`; its end holds the name."""
    return _strength_of_end(raw[-NAME_BYTES:])


@lru_cache(maxsize=4096)
def _strength_of_end(raw: bytes) -> Strength | None:
    text = _decoded(raw)
    match = rules.NAME_AT_END.search(text)
    return rules.strength(rules.name_around(text, match.start(), match.end())) if match else None


def _merged(spans: Iterator[Span]) -> list[Span]:
    """Spans in order, those that overlap as one, under the rule that came first."""
    merged: list[Span] = []
    for _, (start, end, rule) in sorted(enumerate(spans), key=lambda item: (item[1][0], item[0])):
        if merged and start < merged[-1][1]:
            last = merged[-1]
            merged[-1] = (last[0], max(last[1], end), last[2])
        else:
            merged.append((start, end, rule))
    return merged


def _decoded(raw: bytes) -> str:
    """The text of a JSON string without its quotes; as it stands if its escapes are not JSON's."""
    text = raw.decode("utf-8", "replace")
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text


def _encoded(text: str) -> bytes:
    """The inside of a JSON string; lone surrogates are escaped, other characters are UTF-8."""
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "backslashreplace")[1:-1]


def _compiled(pattern: str, setting: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        hint = f"correct it in {setting} of the configuration"
        raise UsageError(
            f"{setting}: {pattern!r} is no regular expression: {error}", hint
        ) from error
