"""What a remote is called: its kind and place in one line, without a secret."""

from pathlib import Path

from journal import sections
from journal.printable import one_line


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
