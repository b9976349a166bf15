"""The journal's own records, appended like an agent's: binds, pins, receipts, a model's summaries.

They are facts like all others, so they survive whatever a record survives: a lost database, a
rebuild, another machine.
"""

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
    agent, session = who
    made = record.new_fact(event, session, {"agent": agent, **payload}, now_ns)
    name = emit.file_name(record.JOURNAL_AGENT, session)
    try:
        emit.append(str(layout.home), name, record.dump(made), now_ns, durable)
    except OSError as error:
        problem = f"cannot write to the journal in {layout.home}: {error.strerror or error}"
        raise JournalError(problem, "check the rights and the free space") from error
    return made
