"""What one source says twice, once: hooks that fired together, lines that a file repeats."""

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from journal.session.meaning import Kind
from journal.session.mentions import CALLS, REPEATABLE, Mention
from journal.session.parts import REPEATED_US

_order = attrgetter("at_us", "id")


def by_source(mentions: Iterable[Mention]) -> tuple[list[Mention], list[Mention]]:
    """Lines, each once, in the order of their files; and what hooks say, by time.

    Of hooks that fired at the same moment by the agent's own clock the first one.
    """
    mentions = list(mentions)
    hooked = sorted((one for one in mentions if one.place is None), key=_order)
    fired: set[object] = set()
    kept = []
    for one in hooked:
        if one.fired_us and (one.alike or one.kind in REPEATABLE):
            what = one.fired_us, one.kind, one.subagent, one.alike or one.digest
            if what in fired:
                continue
            fired.add(what)
        kept.append(one)
    return _once([one for one in mentions if one.place is not None]), kept


def without_repeats(hooked: Sequence[Mention]) -> list[Mention]:
    """Hooks in their order, each once: two equal ones within half a second were fired together.

    Unless the agent's own clock says that they were not.
    """
    kept: list[Mention] = []
    last: dict[tuple[Kind, str, str, bytes], Mention] = {}
    calls: set[tuple[str, Kind]] = set()
    fired_twice = _unnamed_repeats(hooked)
    for one in hooked:
        if one.seq in fired_twice:
            continue
        if one.kind in CALLS and one.call and one.call[0] != "~":
            if (one.call, one.kind) in calls:
                continue
            calls.add((one.call, one.kind))
        elif one.kind in REPEATABLE and not one.fired_us:
            what = one.kind, one.turn, one.subagent, one.digest
            before = last.get(what)
            if before is not None and one.at_us - before.at_us <= REPEATED_US:
                continue
            last[what] = one
        kept.append(one)
    return kept


def _unnamed_repeats(hooked: Sequence[Mention]) -> set[int]:
    """The rows of calls without an id that another hook of the same call reported in that moment.

    Between two equal calls one after the other the first one ends.
    """
    found: set[int] = set()
    for before, one in fired_together(hooked):
        if one.call[0] == "~":
            found.add(one.seq)
        elif before.call[0] == "~":
            found.add(before.seq)
    return found


def fired_together(hooked: Sequence[Mention]) -> Iterator[tuple[Mention, Mention]]:
    """Hooks of equal calls without ids that follow one another in a moment and say the same."""
    last: dict[tuple[str, bytes], Mention] = {}
    for one in hooked:
        if not one.alike or one.fired_us:
            continue
        before = last.get((one.turn, one.alike))
        last[one.turn, one.alike] = one
        if before is None or one.phase is not before.phase:
            continue
        if one.at_us - before.at_us <= REPEATED_US:
            yield before, one


def _once(reported: list[Mention]) -> list[Mention]:
    """Lines in the order of their files, each once.

    A side question's file begins with the session's own lines: they are its context.
    """
    reported.sort(key=lambda one: (one.subagent != "", one.place or (), one.at_us, one.id))
    messages = {(one.message, one.digest, one.call) for one in reported if not one.subagent}
    seen: set[object] = set()
    kept = []
    for one in reported:
        place = one.place.part if one.place is not None else 0
        if one.item:
            what: object = (one.item, one.kind, one.call, place)
        elif one.kind is Kind.QUEUED:
            what = (one.kind, one.digest, one.at_us, one.detail)
        else:
            what = one.id
        copied = one.subagent and one.message and (one.message, one.digest, one.call) in messages
        if what in seen or copied:
            continue
        seen.add(what)
        if one.phase is not None and one.call and one.call[0] != "~":
            if (one.call, one.phase) in seen:
                continue
            seen.add((one.call, one.phase))
        kept.append(one)
    return kept
