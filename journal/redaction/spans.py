"""Where the rules find secrets in a text: start, end and the rule's name."""

from collections.abc import Iterator

from journal.redaction import rules
from journal.redaction.formats import Format, is_placeholder, pattern_of
from journal.redaction.literals import NAMED_PLACES, Look
from journal.redaction.places import PLACES, found_in

Span = tuple[int, int, str]


def of_formats(text: str, forms: list[Format]) -> Iterator[Span]:
    """Tokens of known formats."""
    for form in forms:
        for match in pattern_of(form).finditer(text):
            if not is_placeholder(match[0], form.literal):
                yield *match.span(), form.rule


def of_places(text: str, low: str, at_most: Look) -> Iterator[Span]:
    """Secrets by where they stand; `low` is the text in lower case."""
    for place, match in found_in(text, low, NAMED_PLACES if at_most is Look.NAMED else PLACES):
        group = "secret" if "secret" in match.re.groupindex else 0
        if rules.counts(place, match, match[group]):
            yield *match.span(group), place.rule


def merged(spans: Iterator[Span]) -> list[Span]:
    """Spans in order, those that overlap as one, under the rule that came first."""
    joined: list[Span] = []
    for _, (start, end, rule) in sorted(enumerate(spans), key=lambda item: (item[1][0], item[0])):
        if joined and start < joined[-1][1]:
            last = joined[-1]
            joined[-1] = (last[0], max(last[1], end), last[2])
        else:
            joined.append((start, end, rule))
    return joined
