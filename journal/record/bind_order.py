"""Memory ids: which of the binds that the journal holds stands for which session.

Invariant: verdicts are a function of the set of bind records, never of their order of arrival. Of
the binds in the order of (`at`, `id`) one stands if its session has no other id by then and its id
belongs to no other session by then; whatever the journal learns later, working the whole set out
anew gives the same answer on every machine and after a lost database. An id that is minted, not
bound, is derived from the session alone and yields to every bind that stands.
"""

import uuid
from collections.abc import Callable, Iterable
from typing import NamedTuple

from journal.printable import one_line

MAX_CHARS = 200
# Made of this and of the session alone: every machine and every rebuild mints the same id.
_NAMESPACE = uuid.UUID("6a6f7572-6e61-5c6c-8d65-6d6f72794964")
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


def fault(bind: Bind) -> str | None:
    """Why a bind can never stand, whatever else is bound; None if it may."""
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
    return None


def _plain(name: str) -> str:
    """An id without what two spellings of the same UUID may differ in."""
    return name.casefold().replace("-", "").strip("{}")


def verdicts(binds: Iterable[Bind]) -> dict[bytes, str | None]:
    """For each record why it is refused; None: it stands, or says again what stands.

    `binds` must hold, with each bind, all those of the same session and all of the same id.
    """
    ids: dict[tuple[str, str], str] = {}
    owners: dict[str, tuple[str, str]] = {}
    found: dict[bytes, str | None] = {}
    for bind in sorted(binds):
        who = bind.agent, bind.session
        reason = fault(bind)
        if reason is None and ids.get(who, bind.memory_id) != bind.memory_id:
            reason = f"the session has the memory id {ids[who]} from an earlier record"
        elif reason is None and owners.get(bind.memory_id, who) != who:
            owner = "/".join(owners[bind.memory_id])
            reason = f"the memory id belongs to {one_line(owner)} from an earlier record"
        if reason is None:
            ids[who] = bind.memory_id
            owners[bind.memory_id] = who
        found[bind.record] = reason
    return found


def mint(agent: str, session: str, is_taken: Callable[[str], bool]) -> tuple[str, int]:
    """The id of a session that nobody bound one to, and how many before it were taken by binds."""
    number = 0
    while True:
        made = str(uuid.uuid5(_NAMESPACE, f"{agent}\0{session}\0{number}"))
        if not is_taken(made) and _plain(made) != _plain(session):
            return made, number
        number += 1
