"""What is known of a remote by its settings alone: what it is called, how much it takes at once."""

from pathlib import Path

from journal.printable import one_line
from journal.settings import sections

FOLDER_BYTES = 64 << 20  # a piece is held in memory whole
UPLOAD_BYTES = 5 * 2**20 - 1  # of MindSpring's simple upload


def name_of(settings: sections.Remote) -> str:
    """Two remotes never share a name; "" if there is none."""
    match settings.kind:
        case "folder":
            return one_line(f"folder {Path(settings.path).expanduser()}")
        case "mindspring":
            place = f"{settings.url.rstrip('/')}, workspace {settings.workspace}"
            return one_line(f"mindspring {place}, {settings.notebook}")
        case _:
            return ""


def max_bytes(settings: sections.Remote) -> int:
    """The longest body of a piece: `max_source_bytes`, and never more than the kind takes."""
    most = {"folder": FOLDER_BYTES, "mindspring": UPLOAD_BYTES}.get(settings.kind, UPLOAD_BYTES)
    return min(settings.max_source_bytes, most)
