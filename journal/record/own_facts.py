"""The journal's own records, appended like an agent's: binds, pins, receipts, a model's summaries.

They are facts like all others, so they survive all that a record survives: a lost database, a
rebuild, another machine.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from hooks import emit
from journal import home_id
from journal.errors import JournalError
from journal.layout import Layout
from journal.record import record


class Link(NamedTuple):
    """One of several records of which one is in force: it says which one it replaces."""

    at_us: int
    id: bytes
    after: bytes | None


def in_force(links: Iterable[Link]) -> Link | None:
    """The record that counts: one that no other replaces, for any times of their clocks.

    Of several (they were made apart, or by a version that named none) the latest by (`at`, `id`).
    """
    found = sorted(set(links), key=lambda link: (link.at_us, link.id))
    replaced = {link.after for link in found if link.after != link.id}
    standing = [link for link in found if link.id not in replaced]
    return (standing or found)[-1] if found else None


def replaces(unique: bytes | None) -> dict[str, str]:
    """The part of a payload that names the record which this one replaces."""
    return {} if unique is None else {"after": unique.hex()}


def after_of(payload: dict[str, Any]) -> bytes | None:
    """The id of the record that a payload replaces; None: it names none."""
    said = payload.get("after")
    try:
        return bytes.fromhex(said) if isinstance(said, str) and len(said) == 32 else None
    except ValueError:
        return None


def append(
    layout: Layout,
    event: str,
    who: tuple[str, str],
    payload: dict[str, Any],
    now_ns: int,
    *,
    durable: bool = False,
) -> record.Record:
    """Append a record about the session `who` (its agent and its id); the record.

    With `durable` it is on the disk when this returns. JournalError: it cannot be written whole.
    """
    (made,) = append_all(layout, event, [(who, payload)], now_ns, who[1], durable=durable)
    return made


def append_all(
    layout: Layout,
    event: str,
    said: Sequence[tuple[tuple[str, str], dict[str, Any]]],
    now_ns: int,
    file: str,
    *,
    durable: bool = False,
) -> list[record.Record]:
    """Append a record about each of these sessions to one file, which is called like `file`.

    Otherwise as `append`.
    """
    own = home_id.own(layout)
    made = [
        record.new_fact(event, session, {"agent": agent, **payload}, now_ns, own)
        for (agent, session), payload in said
    ]
    name = emit.file_name(record.JOURNAL_AGENT, file)
    try:
        emit.append(str(layout.home), name, b"".join(map(record.dump, made)), now_ns, durable)
    except OSError as error:
        problem = f"cannot write to the journal in {layout.home}: {error.strerror or error}"
        raise JournalError(problem, "check the rights and the free space") from error
    return made
