"""A record: one line of the journal, header and payload parsed apart.

The payload is always the last key, so nothing an agent sends can become envelope: the header ends
where `"payload":` or `"raw":` first is a key, and the rest of the line is the agent's.
A line that does not parse is searched for a whole record glued to a torn one.
"""

import re
from binascii import unhexlify
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from hooks import emit
from journal.record.json_strings import encoded
from journal.times import to_text, to_us

if TYPE_CHECKING:
    from journal.record.header import Header

VERSION = 1
NO_SESSION = "unknown"  # of records that name none: they are kept, and make no session that works
SESSION_CHARS = 4096  # of a header's guess
JOURNAL_AGENT = "journal"  # the agent of the journal's own facts
_BODY_KEY = re.compile(rb'[,{]\s*"(payload|raw)"\s*:')
# As the emitter writes it, and as it lets no payload hold it.
_BEGINNING = re.compile(rb'\{"v":\d+,"id":"')
# As the emitter writes it: what differs from record to record comes first.
_EMITTED = re.compile(rb'\{"v":1,"id":"([0-9a-f]{32})","at":"([0-9TZ:.-]{27})"(?=,)')
_SOME_HEADER = b'{"v":1,"id":"' + b"0" * 32 + b'","at":"-"'
_MOST_GLUED = 16  # beginnings in one bad line that are tried, from the last one back
_TAIL_BYTES = 256
_KNOWN = frozenset({"v", "id", "at", "agent", "event", "session"})


class BadLineError(ValueError):
    """Why a line is not a record; the text is the reason that `dead/` keeps."""


class Record(NamedTuple):
    """One parsed line. `body` is the JSON text after the body key, `raw` says which key it was."""

    id: bytes  # 16 bytes
    at_us: int
    agent: str
    event: str
    session: str  # the emitter's guess; the parsed payload decides
    origin: dict[str, Any]  # the header's other keys: host, pid, entrypoint, plan, git, unknown
    body: bytes
    raw: bool


def parse(line: bytes) -> Record:
    """The record of one line without its newline. The payload is not parsed here.

    BadLineError: it is not a record of this version, with the reason.
    """
    start, raw, begin = _apart(line)
    end = len(line) if line.endswith(b"}") else len(line) - _blank(line)
    if end <= begin or line[end - 1 : end] != b"}":
        raise BadLineError("cut off")
    emitted = _EMITTED.match(start)
    if emitted is not None:
        unique, at = emitted.groups()
        agent, event, session, origin = _shared(start[emitted.end() :])
    else:
        header, origin = _header(start)
        unique, at = header.id.encode(), header.at.encode()
        agent, event, session = header.agent, header.event, header.session
    try:
        at_us = to_us(at.decode())
    except ValueError as error:
        raise BadLineError(f"header: at: {error}") from error
    return Record(
        unhexlify(unique),
        at_us,
        agent,
        event,
        session,
        origin,
        line[begin : end - 1].strip(),  # the one copy of what may be 250 MB
        raw,
    )


def _blank(line: bytes) -> int:
    """How many bytes of white space are at the end; the line is not copied for it."""
    tail = line[-_TAIL_BYTES:]
    if tail.isspace():
        tail = line
    return len(tail) - len(tail.rstrip())


def _apart(line: bytes) -> tuple[bytes, bool, int]:
    """The header without its closing brace, whether the body is raw, and where the body begins."""
    end = line.find(b',"payload":')  # as the emitter writes it; raw text may come first
    if end >= 0 and line.find(b'"raw"', 0, end) < 0:
        return line[:end], False, end + 11
    found = _BODY_KEY.search(line)
    if found is None:
        raise BadLineError("no payload" if line.lstrip()[:1] == b"{" else "not a record")
    return line[: found.start()], found[1] == b"raw", found.end()


@lru_cache(maxsize=4096)
def _shared(rest: bytes) -> tuple[str, str, str, dict[str, Any]]:
    """Agent, event, session and other keys of a header without its id and time.

    Cached: in one session little else changes.
    """
    header, origin = _header(_SOME_HEADER + rest)
    return header.agent, header.event, header.session, origin


def _header(start: bytes) -> "tuple[Header, dict[str, Any]]":
    """A header, and its other keys."""
    from pydantic import ValidationError  # slow to load, and not needed to read the database

    from journal.record.header import Header

    try:
        fields = orjson.loads(start + b"}")
    except orjson.JSONDecodeError as error:
        raise BadLineError(f"header is not JSON: {error.msg}") from error
    if isinstance(fields, dict) and len(fields) != _count_keys(start + b"}"):
        raise BadLineError("header: duplicate key")  # two torn records, one in the other
    version = fields.get("v") if isinstance(fields, dict) else None
    if version is True or version != VERSION:  # True == 1
        raise BadLineError(f"unknown version {str(version)[:20]}")
    try:
        spelled = orjson.dumps(fields)
    except orjson.JSONEncodeError as error:
        raise BadLineError("header is nested too deeply") from error
    if _BODY_KEY.search(spelled):  # with an escape: dump would spell it out
        raise BadLineError("header holds a key of the body")
    try:
        header = Header.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadLineError(f"header: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    return header, {key: value for key, value in fields.items() if key not in _KNOWN}


def _count_keys(text: bytes) -> int:
    import json

    try:
        return len(json.loads(text, object_pairs_hook=list))
    except (ValueError, RecursionError) as error:
        raise BadLineError(f"header is not JSON: {error}") from error


class Reading(NamedTuple):
    """What is in one line: a record, or a torn part with the reason, or both."""

    record: Record | None
    torn: bytes
    reason: str


def read_line(line: bytes) -> Reading:
    """Never raises: a bad line yields its torn bytes and, if one is glued to it, its record."""
    try:
        return Reading(parse(line), b"", "")
    except BadLineError as error:
        for start in _glued(line):
            try:
                return Reading(parse(line[start:]), line[:start], str(error))
            except BadLineError:
                continue
        return Reading(None, line, str(error))


def glued(line: bytes) -> Reading | None:
    """A whole record at the end of a line whose own body is not JSON; None if there is none."""
    for start in _glued(line):
        try:
            inner = parse(line[start:])
            load_body(inner.body)
        except BadLineError:
            continue
        return Reading(inner, line[:start], "torn by the record after it")
    return None


def _glued(line: bytes) -> list[int]:
    """Where whole records may begin, the last first: the record must go on to the line's end."""
    starts = [found.start() for found in _BEGINNING.finditer(line) if found.start()]
    return starts[: -_MOST_GLUED - 1 : -1]


def dump(record: Record) -> bytes:
    """The line of a record, ending in a newline: parse(dump(r)) is r."""
    header = {
        "v": VERSION,
        "id": record.id.hex(),
        "at": to_text(record.at_us),
        "agent": record.agent,
        "event": record.event,
        "session": record.session,
        **record.origin,
    }
    key = b'"raw":' if record.raw else b'"payload":'
    return b"".join((orjson.dumps(header)[:-1], b",", key, record.body, b"}\n"))  # one copy of it


def strict_line(line: bytes) -> bytes:
    """The same record as a line that every JSON parser reads; the same object if it is one already.

    A payload that only `load_body` reads becomes a string under `raw`, byte for byte.
    """
    import json

    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        pass
    else:
        return line
    made = parse(line.rstrip())
    try:  # a lone surrogate, which orjson refuses, is JSON
        json.loads(made.body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        text = made.body.decode("utf-8", "surrogateescape")
        return dump(made._replace(raw=True, body=b'"' + encoded(text) + b'"'))
    return line


def load_body(body: bytes) -> Any:
    """A body as Python values: JSON, and what agents write that only strict parsers refuse.

    Raw control characters and backslashes that escape nothing stay as they are; lone surrogates
    become U+FFFD. BadLineError: it is not JSON, or nested too deeply to read.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _load_leniently(body, error)


def _refuse(constant: str) -> None:
    raise BadLineError(f"payload is not JSON: {constant}")


_LONE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


def _load_leniently(body: bytes, error: orjson.JSONDecodeError) -> Any:
    import json

    try:
        text = body.decode("utf-8-sig", "surrogatepass")  # json takes other encodings, too
        try:
            value = json.loads(text, strict=False, parse_constant=_refuse)
        except json.JSONDecodeError:
            value = json.loads(_escaped(text), strict=False, parse_constant=_refuse)
        text = json.dumps(value, ensure_ascii=True)
        return json.loads(_LONE.sub(r"\\ufffd", text))
    except RecursionError:
        raise BadLineError("payload is nested too deeply") from error
    except ValueError as cause:
        if isinstance(cause, BadLineError):
            raise
        raise BadLineError(f"payload is not JSON: {error.msg}") from error


_ESCAPE = re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})|\\')


def _escaped(text: str) -> str:
    """JSON in which a backslash that escapes nothing is a backslash, as in a Windows path."""
    return _ESCAPE.sub(lambda found: found[0] if found[1] else r"\\", text)


def raw_text(body: bytes) -> str:
    """The text of a `raw` body, for people; bytes that were not UTF-8 show as U+FFFD."""
    value = load_body(body)
    return value if isinstance(value, str) else ""


def new_fact(
    event: str, session: str, payload: dict[str, Any], now_ns: int, more: bytes = b""
) -> Record:
    """A record of the journal's own (`MemoryId`, `Pin`, …) about `session`, made now.

    `more`: further keys of its header, as emit.record takes them.
    """
    line, _, _ = emit.record(JOURNAL_AGENT, event, orjson.dumps(payload), now_ns, {}, more)
    return parse(line.rstrip())._replace(session=session)
