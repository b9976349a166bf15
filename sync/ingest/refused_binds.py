"""`dead/binds.jsonl`: the binds of memory ids that were refused, each with its reason.

Unlike the other dead letters these are a view: which binds win is worked out again whenever one
arrives, and the file is rewritten with it.
"""

import apsw
import orjson

from journal.durable_files import write_whole
from journal.layout import Layout
from journal.times import to_text

_QUERY = """
select b.record, b.at_us, b.agent, b.session, b.refused, o.line
from binds b join own_facts o on o.id = b.record
where b.refused is not null order by b.at_us, b.record
"""


def write(db: apsw.Connection, layout: Layout) -> int:
    """Bring the file up to the database; by how many more binds are refused than it had.

    JournalError: it cannot be written; the next pass tries again.
    """
    path = layout.dead / "binds.jsonl"
    content = b"".join(orjson.dumps(_entry(*row)) + b"\n" for row in db.execute(_QUERY))
    reported = path.read_bytes() if path.exists() else b""
    if content == reported:
        return 0
    write_whole(path, content)
    return max(0, content.count(b"\n") - reported.count(b"\n"))


def count(db: apsw.Connection) -> int:
    """How many binds are refused."""
    return int(db.execute("select count(*) from binds where refused is not null").get)


def _entry(
    record: bytes, at_us: int, agent: str, session: str, reason: str, line: bytes
) -> dict[str, str]:
    return {
        "key": record.hex(),
        "at": to_text(at_us),
        "reason": reason,
        "agent": agent,
        "session": session,
        "text": line.decode("utf-8", "replace").rstrip(),
    }
