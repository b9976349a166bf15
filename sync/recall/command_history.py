"""How a command was run and how it ended: what passed last comes first."""

from dataclasses import dataclass, field

import apsw

from journal.session.texts import TextKind
from sync.query.terms import Term, folded
from sync.recall import calls, query_words
from sync.recall.calls import COLUMNS, Call
from sync.recall.scope import Scope

_MOST_CALLS = 400
_LATEST = f"""
select {COLUMNS} and o.file is null and {{}} order by o.key desc limit ?
"""


@dataclass(slots=True)
class Command:
    """One command as it was typed, with its runs, the newest first."""

    text: str
    passed: list[Call] = field(default_factory=list)
    failed: list[Call] = field(default_factory=list)
    unknown: list[Call] = field(default_factory=list)  # not ended, or it is not known how

    @property
    def newest(self) -> Call:
        """The run to report: the last that passed, else the last."""
        return (self.passed or self.failed or self.unknown)[0]


def commands(
    db: apsw.Connection, scope: Scope, terms: list[Term], stems: bool = True
) -> list[Command]:
    """The commands that hold the words, else the rarest of them; without words the latest.

    Those that passed come first, by their last run that did.
    """
    if not terms:
        condition, values = scope.wanted.sql()
        rows = db.execute(_LATEST.format(condition), (*values, _MOST_CALLS))
        return _grouped(db, calls.of_rows(rows, scope))
    for chosen in query_words.choices(db, terms, stems):
        match = " AND ".join(term.match for term in chosen)
        found = calls.holding(db, scope, match, TextKind.INPUT, _MOST_CALLS, "o.seq")
        if grouped := _grouped(db, [call for call in found if _holds(call, chosen)]):
            return grouped
    return []


def _holds(call: Call, terms: list[Term]) -> bool:
    """Whether the command itself does, not only what else the tool was given."""
    text = folded(call.target)
    return all(any(True for _ in term.spans(call.target, text)) for term in terms)


def _grouped(db: apsw.Connection, found: list[Call]) -> list[Command]:
    groups: dict[str, Command] = {}
    for call in found:
        if not call.target.strip():
            continue
        group = groups.setdefault(call.target.strip(), Command(call.target.strip()))
        ended = group.unknown if call.ok is None else group.passed if call.ok else group.failed
        ended.append(call)
    newest = [group.newest for group in groups.values()]
    known = calls.meanings(db, newest)
    runs = [group for group in groups.values() if calls.is_run(group.newest, known)]
    return sorted(runs, key=lambda group: (not group.passed, -group.newest.at_us))
