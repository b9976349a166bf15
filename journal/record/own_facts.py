"""The journal's own records, appended like an agent's: binds, pins, receipts, a model's summaries.

They are facts like all others, so they survive whatever a record survives: a lost database, a
rebuild, another machine.
"""

from collections.abc import Sequence
from typing import Any

from hooks import emit
from journal.errors import JournalError
from journal.layout import Layout
from journal.record import record


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
    made = [
        record.new_fact(event, session, {"agent": agent, **payload}, now_ns)
        for (agent, session), payload in said
    ]
    name = emit.file_name(record.JOURNAL_AGENT, file)
    try:
        emit.append(str(layout.home), name, b"".join(map(record.dump, made)), now_ns, durable)
    except OSError as error:
        problem = f"cannot write to the journal in {layout.home}: {error.strerror or error}"
        raise JournalError(problem, "check the rights and the free space") from error
    return made
