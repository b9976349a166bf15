"""The file with the context of a project's next session, made of blocks of its last sessions.

`hooks/start.py` puts the blocks together when a session starts; it has no json, so the file holds
escaped text.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from journal.context.session_text import Block, local, safe

FORMAT = "1"  # of the prepared file; hooks/start.py reads this one only
MAX_BLOCKS = 12


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a project's file holds. `command` is what is typed to run the journal, absolute."""

    project: str
    prepared_us: int
    max_chars: int
    sessions: int
    sources: Sequence[str]
    command: str
    blocks: Sequence[Block]


def dump(prepared: Prepared, tz: tzinfo) -> bytes:
    """The prepared file: ASCII lines of tab-separated fields, texts as JSON would escape them.

    First the format, time, project, max_chars, sessions, sources and command; then a line for each
    block, newest first: session, short id, last_us, running (1 or 0), host, pid (or empty), and
    full, short, line, now, each preceded by its length in characters.
    """
    at = local(prepared.prepared_us, tz)
    zone = f"{at:%z}"
    first = (
        FORMAT,
        f"{at:%Y-%m-%d %H:%M} {zone[:3]}:{zone[3:5]}",
        _escaped(safe(prepared.project, 80).replace('"', "'")),
        str(prepared.max_chars),
        str(prepared.sessions),
        ",".join(prepared.sources),
        _escaped(safe(prepared.command, 400)),
    )
    newest = sorted(prepared.blocks, key=lambda item: (-item.last_us, item.session))
    lines = [first, *map(_fields, newest[: max(MAX_BLOCKS, 2 * prepared.sessions)])]
    return "".join("\t".join(fields) + "\n" for fields in lines).encode("ascii")


def _fields(item: Block) -> tuple[str, ...]:
    fields = [
        _escaped(item.session),
        _escaped(item.short_id),
        str(item.last_us),
        "1" if item.running else "0",
        _escaped(item.host),
        "" if item.pid is None else str(item.pid),
    ]
    for text in (item.full, item.short, item.line, item.now):
        fields += (str(len(text)), _escaped(text))
    return tuple(fields)


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=True)[1:-1]
