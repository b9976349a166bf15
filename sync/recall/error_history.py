"""What was done after an error, in sessions where the same thing then passed."""

import shlex
from typing import NamedTuple

import apsw

from journal.session.texts import TextKind
from sync.query.terms import Term
from sync.recall import calls, query_words
from sync.recall.calls import COLUMNS, Call
from sync.recall.scope import Scope

_MOST_CALLS = 300
_MOST_LATER = 500  # calls that are looked at behind an error
_LATER = f"""
select {COLUMNS} and o.session = ? and o.position > ? and not o.taken_back
order by o.position limit ?
"""


class Recovery(NamedTuple):
    """An error of a session, and what came after it.

    `passed`: the call that failed, when it passed again; None: it did not. `between`: the calls
    from the error to there, in their order.
    """

    failed: Call
    between: list[Call]
    passed: Call | None


def recoveries(
    db: apsw.Connection, scope: Scope, terms: list[Term], stems: bool = True
) -> list[Recovery]:
    """One for each session with such an error; those that passed first, then the newest.

    An error has all the words, else the rarest of them.
    """
    for chosen in query_words.choices(db, terms, stems):
        match = " AND ".join(term.match for term in chosen)
        found = calls.holding(db, scope, match, TextKind.OUTPUT, _MOST_CALLS, "o.end_seq")
        failed = [call for call in found if call.ok is False]
        if failed:
            return _by_session(db, scope, failed)
    return []


def _by_session(db: apsw.Connection, scope: Scope, failed: list[Call]) -> list[Recovery]:
    """Of several errors in a session the last after which it passed: what came then helped."""
    best: dict[int, Recovery] = {}
    for call in sorted(failed, key=lambda call: -call.position):
        known = best.get(call.session)
        if known is None or known.passed is None:
            made = _recovery(db, scope, call)
            if known is None or made.passed is not None:
                best[call.session] = made
    return sorted(best.values(), key=lambda one: (one.passed is None, -one.failed.at_us))


def _recovery(db: apsw.Connection, scope: Scope, failed: Call) -> Recovery:
    rows = db.execute(_LATER, (failed.session, failed.position, _MOST_LATER))
    later = calls.of_rows(rows, scope)
    for same in (_is_equal, _is_alike):
        for number, call in enumerate(later):
            if call.ok and same(failed, call):
                return Recovery(failed, later[:number], call)
    return Recovery(failed, later, None)


def _is_equal(first: Call, second: Call) -> bool:
    return first.tool == second.tool and first.target == second.target


def _is_alike(first: Call, second: Call) -> bool:
    """Whether both run the same program, perhaps with other arguments."""
    name = _program(first.target)
    return bool(name) and first.tool == second.tool and name == _program(second.target)


def _program(command: str) -> str:
    """The program of a command line, without variables and a `cd` before it."""
    last = command.rpartition("&&")[2].strip()
    try:
        parts = shlex.split(last, comments=False)
    except ValueError:
        parts = last.split()
    words_of = [part for part in parts if "=" not in part.split("/")[0]]
    return words_of[0].rpartition("/")[2] if words_of else ""
