"""What is known of a remote by its settings alone: what it is called, how much it takes at once."""

from pathlib import Path

from journal.layout import Layout
from journal.printable import one_line
from journal.settings import sections
from sync.remote import archive_ids

FOLDER_BYTES = 64 << 20  # a piece is in memory as a whole
POSTGRES_BYTES = 64 << 20
UPLOAD_BYTES = 5 * 2**20 - 1  # of MindSpring's simple upload


def name_of(settings: sections.Remote, layout: Layout | None = None) -> str:
    """Two remotes never share a name; "" if there is none.

    A team archive is called by its own id, which the home at `layout` has noted: an address may
    change.
    """
    match settings.kind:
        case "folder":
            return one_line(f"folder {Path(settings.path).expanduser()}")
        case "mindspring":
            place = f"{settings.url.rstrip('/')}, workspace {settings.workspace}"
            return one_line(f"mindspring {place}, {settings.notebook}")
        case "postgres":
            known = archive_ids.known(layout, settings) if layout else ""
            return archive_name(known) if known else one_line(f"team archive at {settings.url}")
        case _:
            return ""


def archive_name(archive_id: str) -> str:
    """What the team archive with this id is called."""
    return f"team archive {archive_id}"


def max_bytes(settings: sections.Remote) -> int:
    """The longest body of a piece: `max_source_bytes`, and never more than the kind takes."""
    most = {"folder": FOLDER_BYTES, "postgres": POSTGRES_BYTES}.get(settings.kind, UPLOAD_BYTES)
    return min(settings.max_source_bytes, most)
