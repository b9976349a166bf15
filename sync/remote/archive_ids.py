"""The ids of team archives, by the addresses at which this home has met them.

They are kept in `<home>/archives.json`.

So that a changed port, host name or TLS mode is the same archive, and no retry file is left for one
that has another name. A damaged file counts as empty; then each address is asked once more.
"""

import hashlib

import orjson

from journal.durable_files import write_whole
from journal.layout import Layout
from journal.settings import sections


def known(layout: Layout, settings: sections.Remote) -> str:
    """The id of the archive at the address of the settings; "" if it was never reached."""
    return _read(layout).get(_key(settings), "")


def note(layout: Layout, settings: sections.Remote, archive_id: str) -> None:
    """Note the id. JournalError: it cannot be written."""
    found = _read(layout) | {_key(settings): archive_id}
    write_whole(layout.archives, orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")


def _read(layout: Layout) -> dict[str, str]:
    try:
        found = orjson.loads(layout.archives.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    pairs = found.items() if isinstance(found, dict) else ()
    return {key: value for key, value in pairs if isinstance(value, str)}


def _key(settings: sections.Remote) -> str:
    text = f"{settings.url} {settings.db_schema}".encode("utf-8", "backslashreplace")
    return hashlib.sha256(text).hexdigest()[:32]
