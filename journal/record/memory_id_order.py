"""Memory ids: which of the journal's binds counts for which session.

Invariant: the result is a function of the set of bind records, never of their order of arrival. Of
the binds in the order of (`at`, `id`) one counts if its session has no other id by then and its id
belongs to no other session by then. Working the whole set out again after later records gives the
same answer on every machine and after a lost database. An id that is minted, not
bound, is derived from the session alone and yields to every bind that counts.

A bind that names in `replaces` the id that its session has puts another one in its place, also
against the clocks. An id that was replaced is free for another session.
"""

import re
import uuid
from collections.abc import Callable, Iterable
from typing import NamedTuple

from journal.printable import one_line

MAX_CHARS = 200
# Made of this and of the session alone: every machine and every rebuild mints the same id.
_NAMESPACE = uuid.UUID("6a6f7572-6e61-5c6c-8d65-6d6f72794964")
# What programs write until they know the id, and after it what makes it unique.
_PROVISIONAL = re.compile(
    r"(pending|manual|temp|tmp|placeholder|provisional)[-_:./]", re.IGNORECASE
)
_LEAST_CHARS = 8  # of a session's id, to be recognised in another one
# What programs write when they know none.
_PLACEHOLDERS = frozenset(
    ("null", "nil", "none", "nan", "undefined", "unknown", "pending", "todo", "tbd", "n/a")
)


class Bind(NamedTuple):
    """One MemoryId record: `session` of `agent` is said to have `memory_id`."""

    at_us: int
    record: bytes  # its id, 16 bytes; with `at_us` the order in which binds are looked at
    agent: str
    session: str
    memory_id: str
    replaces: str = ""  # the id that the session had before


class Judged(NamedTuple):
    """What became of binds: why each is refused (None: it is not), and the id of each session."""

    refused: dict[bytes, str | None]
    ids: dict[tuple[str, str], str]


def fault(bind: Bind) -> str | None:
    """Why a bind can never count, with any other binds; None if it may."""
    said = bind.memory_id
    if not bind.agent:
        return "it names no agent"
    if not said.strip():
        return "the memory id is empty"
    if len(said) > MAX_CHARS:
        return f"the memory id is longer than {MAX_CHARS} characters"
    if not said.isprintable() or " " in said or one_line(said) != said:
        return "the memory id holds white space or characters that cannot be printed"
    if _plain(said) in _PLACEHOLDERS or not set(_plain(said)) - set("0-"):
        return f"{said!r} is a placeholder, not a memory id"
    if said.startswith("[redacted:"):
        return "the memory id looks like a secret, and secrets are not kept"
    if _plain(said) == _plain(bind.session):
        return "the memory id is the agent's own session id"
    if _PROVISIONAL.match(said) or _around(_plain(bind.session), _plain(said)):
        return f"{said!r} is a provisional id, not the one that the memory agent gave"
    return None


def _around(session: str, said: str) -> bool:
    """Whether an id is the session's with something before or behind it."""
    return len(session) >= _LEAST_CHARS and session in said


def _plain(name: str) -> str:
    """An id without what two spellings of the same UUID may differ in."""
    return name.casefold().replace("-", "").strip("{}")


def judge(binds: Iterable[Bind]) -> Judged:
    """Which of these binds count, and the id of each session.

    `binds` must hold, with each bind, all those of the same session and all of the same id.
    """
    made = _Judging()
    replacing = []
    for bind in sorted(binds):
        if reason := fault(bind):
            made.found[bind.record] = reason
        elif bind.replaces:
            replacing.append(bind)
        elif not made.accept(bind):
            made.refused[bind] = made.reason(bind)
    while one := next((bind for bind in replacing if made.replaces(bind)), None):
        replacing.remove(one)
    for bind in replacing:
        made.found[bind.record] = made.reason(bind)
    for bind, reason in made.refused.items():
        is_said_again = made.ids.get((bind.agent, bind.session)) == bind.memory_id
        made.found.setdefault(bind.record, None if is_said_again else reason)
    return Judged(made.found, made.ids)


class _Judging:
    """The ids that sessions have, as binds are looked at one after the other."""

    def __init__(self) -> None:
        self.ids: dict[tuple[str, str], str] = {}
        self.owners: dict[str, tuple[str, str]] = {}
        self.found: dict[bytes, str | None] = {}
        self.refused: dict[Bind, str | None] = {}  # and why; one may count once an id is free

    def accept(self, bind: Bind) -> bool:
        """Whether the session has no other id, and the id no other session; then it is noted."""
        who = bind.agent, bind.session
        if self.ids.get(who, bind.memory_id) != bind.memory_id:
            return False
        if self.owners.get(bind.memory_id, who) != who:
            return False
        self._note(bind)
        return True

    def replaces(self, bind: Bind) -> bool:
        """Whether the session has the id that is to be replaced, or none; then it is noted."""
        who = bind.agent, bind.session
        if self.ids.get(who, bind.replaces) != bind.replaces:
            return False
        if self.owners.get(bind.memory_id, who) != who:
            return False
        if who in self.ids:
            del self.owners[self.ids.pop(who)]
        self._note(bind)
        for other in self.refused:  # the id that was replaced may be another session's
            if other.memory_id == bind.replaces and other.record not in self.found:
                self.accept(other)
        return True

    def _note(self, bind: Bind) -> None:
        who = bind.agent, bind.session
        self.ids[who], self.owners[bind.memory_id] = bind.memory_id, who
        self.found[bind.record] = None

    def reason(self, bind: Bind) -> str | None:
        """Why a bind is refused; None: it repeats the id that counts."""
        who = bind.agent, bind.session
        has = self.ids.get(who)
        if has == bind.memory_id:
            return None
        if has is not None:
            return f"the session has the memory id {has} from an earlier record"
        owner = one_line("/".join(self.owners[bind.memory_id]))
        return f"the memory id belongs to {owner} from an earlier record"


def mint(agent: str, session: str, is_taken: Callable[[str], bool]) -> tuple[str, int]:
    """The id of a session without a bind, and how many ids before it were taken by binds."""
    number = 0
    while True:
        made = str(uuid.uuid5(_NAMESPACE, f"{agent}\0{session}\0{number}"))
        if not is_taken(made) and _plain(made) != _plain(session):
            return made, number
        number += 1
