"""Redaction: secrets in payloads become markers before anything is stored.

It works on the raw JSON: string tokens that may hold a secret are decoded, redacted and put back
in their place; every other byte stays as it came (NaN, 1e999, duplicate keys, white space).
`[redacted:<rule>:<8 hex>]` is an HMAC by a key of this installation: equal secrets look equal, and
nothing leads back to them.
"""

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from journal.record.json_strings import STRING, decoded, encoded
from journal.redaction import rules, spans
from journal.redaction.formats import Format
from journal.redaction.literals import AT_ONCE, Look, ends, text_look
from journal.redaction.long_strings import pieces
from journal.redaction.quick_filter import expect, may_hold, text_may_hold
from journal.redaction.readings import readings
from journal.redaction.rules import MARKER, Strength
from journal.redaction.values import SCHEME, named_values
from journal.redaction.version import compiled, name
from journal.redaction.walk import Walk

ROUNDS = 3  # what one redaction uncovers, the next one takes; more than that is given up whole
SHORT_CHARS = 256  # the filter costs more than the rules on so short a text
MOST_PARTS = 1 << 14  # of one JSON, that are remembered by themselves
LOOKED_BYTES = 4 << 20  # the filter copies what it looks at: more than that is looked at in pieces

_RAW_MARKER = re.compile(MARKER.pattern.replace("[a-z]{1,16}", "([a-z]{1,16})").encode())
_PEM_EDGE = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")


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
        self._digest = hmac.new(key, digestmod=hashlib.sha256)
        self._patterns = compiled(patterns, "redact.patterns")
        self._allow = compiled(allow, "redact.allow")
        self.rules = name(key, patterns, allow, enabled=enabled)  # two of one name redact alike

    def expect(self, size: int) -> None:
        """So many bytes are about to be redacted: prepare for that. Nothing else changes."""
        if self.enabled and not self._patterns:
            expect(size)

    def may_hold_secret(self, data: bytes) -> bool:
        """False only if `json` and `text` would leave these bytes as they are; quick.

        True for everything if there are patterns of the user, for they are for decoded text, and
        for more than LOOKED_BYTES: each string, or piece of one, is then looked at by itself.
        """
        everything = bool(self._patterns) or len(data) > LOOKED_BYTES
        return self.enabled and (everything or may_hold(data))

    def json(self, data: bytes) -> bytes:
        """JSON with its secrets redacted; the same object if there are none.

        Valid JSON stays valid; in other bytes all strings that can be found are redacted.
        """
        if not self.may_hold_secret(data):
            return data
        harmless: set[bytes] = set()
        once, is_settled = self._rewritten(data, harmless, again=False)
        return once if is_settled else self._rewritten(once, harmless, again=True)[0]

    def text(self, text: str) -> str:
        """Text that is not JSON, with its secrets redacted; the same object if there are none."""
        if not self.may_hold_secret(text.encode("utf-8", "surrogatepass")):
            return text
        return self._settled(text)

    def _rewritten(self, data: bytes, harmless: set[bytes], again: bool) -> tuple[bytes, bool]:
        """`data` with its strings redacted, and whether to do it again would change nothing.

        `again`: a string that still hits goes whole. `harmless`: strings that hold nothing where
        they stand, as far as is known by now.
        """
        joined: list[bytes] = []
        parts: list[bytes | memoryview] = []
        view = memoryview(data)
        done, is_settled = 0, True
        walk = Walk()
        for match, may_hold_one in self._strings(data, walk):
            how = walk.step(data, match)
            follows = bool(how or walk.in_pem or walk.line_before)
            if not (follows or may_hold_one):
                continue
            if len(parts) >= MOST_PARTS:  # each takes more memory than what is in it
                joined.append(b"".join(parts))
                parts.clear()
            for start, end in pieces(data, *match.span(1)):
                raw = data[start:end]
                if not follows:
                    if raw in harmless:
                        continue
                    if not self.may_hold_secret(raw):
                        if len(raw) <= SHORT_CHARS and len(harmless) < MOST_PARTS:
                            harmless.add(raw)
                        continue
                old = decoded(raw)
                new = self._string(old, how, walk)
                if new != old:
                    # A value of an object that changes says nothing about the strings behind it.
                    is_settled &= walk.is_field and not walk.in_pem and b"value" not in data
                    new = self._marker("whole", old) if again else new
                    parts += (view[done:start], encoded(new))
                    done = end
        return (b"".join((*joined, *parts, view[done:])) if done else data), is_settled

    def _strings(self, data: bytes, walk: Walk) -> Iterator[tuple[re.Match[bytes], bool]]:
        """The strings of JSON to look at, and whether each may hold a secret by itself.

        Those are the strings with a word of the filter in them, and those of which the strings
        before them say something.
        """
        found = STRING.finditer(data)
        everything = self.may_hold_secret(b"")
        before = None
        is_behind = False
        while some := list(_part(found)):
            for match, is_marked in zip(some, _marked(data, some, everything), strict=True):
                if is_marked or is_behind or walk.says_more:
                    walk.behind(before)
                    yield match, is_marked
                before, is_behind = match, is_marked

    def _string(self, text: str, how: Strength | None, walk: Walk) -> str:
        if walk.in_pem:
            walk.in_pem = not _PEM_EDGE.search(text)
            keep = not text.strip() or MARKER.fullmatch(text)
            return text if keep else self._marker("pem", text)
        edges = _PEM_EDGE.findall(text)
        walk.in_pem = bool(edges) and edges[-1] == "BEGIN"
        new = self._settled(text)
        if walk.line_before:
            start = len(new) - len(new.lstrip("+- \t"))
            new = new[:start] + self._value_line(decoded(walk.line_before), new[start:])
        if how:
            rest = MARKER.sub("", new)
            scheme = SCHEME.match(rest)
            start = scheme.end() if scheme else 0
            how = "strong" if scheme else how
            if rules.is_secret(rest[start:], how, certain=True) and not self._allowed(text[start:]):
                return rest[:start] + self._marker("named", text[start:])
        return new

    def _value_line(self, line_before: str, text: str) -> str:
        """A line `value: …` redacted as if it stood below its name."""
        found = rules.NAME_AT_END.search(line_before)
        name = rules.name_around(line_before, found.start(), found.end()) if found else ""
        above = f"{name}\n"
        new = self._settled(above + text)
        return new[len(above) :] if new.startswith(above) else new

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
        for start, end, rule in spans.merged(self._spans(text)):
            parts += (text[done:start], self._marker(rule, text[start:end]))
            done = end
        return "".join((*parts, text[done:])) if parts else text

    def _spans(self, text: str) -> Iterator[spans.Span]:
        """What the rules find, in the text and in its other readings; the specific ones first."""
        at_most, forms = text_look(text)
        is_plain = at_most is Look.NOTHING and not forms
        if is_plain and not self._patterns:
            return
        for start, end, rule in self._found(text, at_most, forms):
            if not self._allowed(text[start:end]):
                yield start, end, rule
        if is_plain:
            return  # it has no other readings
        for reading in readings(text):
            for start, end, rule in self._found(reading.text, *text_look(reading.text)):
                if not self._allowed(reading.text[start:end]):
                    yield (*reading.span(start, end), rule)

    def _found(self, text: str, at_most: Look, forms: list[Format]) -> Iterator[spans.Span]:
        yield from spans.of_formats(text, forms)
        if at_most and (len(text) <= SHORT_CHARS or text_may_hold(text)):
            low = rules.lower(text)
            yield from spans.of_places(text, low, at_most)
            for start, end, how, certain in named_values(text, low):
                if rules.is_secret(text[start:end], how, certain):
                    yield start, end, "named"
        for pattern in self._patterns:
            group = "secret" if "secret" in pattern.groupindex else 0
            for match in pattern.finditer(text):
                if match[group]:
                    yield *match.span(group), "user"

    def _allowed(self, secret: str) -> bool:
        return any(pattern.fullmatch(secret) for pattern in self._allow)

    def _marker(self, rule: str, secret: str) -> str:
        digest = self._digest.copy()
        digest.update(secret.encode("utf-8", "surrogatepass"))
        return f"[redacted:{rule}:{digest.hexdigest()[:8]}]"


def hits(before: bytes, after: bytes) -> Counter[str]:
    """How often each rule hit: the markers of redacted bytes that were not there before, by rule.

    `before` and `after` are what `Redactor.json` was given and what it gave back, or two texts.
    """
    found = Counter(marker.group(0, 1) for marker in _RAW_MARKER.finditer(after))
    found -= Counter(marker.group(0, 1) for marker in _RAW_MARKER.finditer(before))
    counted: Counter[str] = Counter()
    for (_, rule), number in found.items():
        counted[rule.decode()] += number
    return counted


def _part(found: Iterator[re.Match[bytes]]) -> Iterator[re.Match[bytes]]:
    """The next of these strings, as many as are worth one look."""
    most = 0
    for match in found:
        yield match
        most = most or match.start() + AT_ONCE
        if match.end() > most:
            return


def _marked(data: bytes, some: list[re.Match[bytes]], everything: bool) -> list[bool]:
    """Whether one of the words of the filter is in each of these strings in a row."""
    first, last = some[0].start(), some[-1].end()
    if everything or last - first > 2 * AT_ONCE:  # the words of a long string fill the memory
        return [True] * len(some)
    marks = [first + end for end in ends(data[first:last].lower())]
    marks.append(last + 1)
    found = []
    number = 0
    for match in some:
        start, end = match.span(1)
        while marks[number] <= start:
            number += 1
        found.append(marks[number] <= end)
    return found
