"""Whether the agent ran without being recorded: its newest transcript against the newest record.

Nothing else shows that hooks have silently stopped. Looks at times of files and opens none.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from journal.doctor import Finding, Voice, some
from journal.layout import Layout
from journal.setup import capture
from journal.times import SECOND_US

TOLERANCE_US = 3600 * SECOND_US
FEW_FOLDERS = 20  # for those who must be quick
_MOST_FILES = 2000  # of a folder
_RECENT_DAYS = 3
_OWN = "journal."  # what files of the journal's own facts begin with: they follow later


class Unrecorded(NamedTuple):
    """The agent ran at `ran_us`; the newest record is much older, or there is none."""

    ran_us: int
    last_us: int | None


def unrecorded(
    layout: Layout, config: Path, last_us: int | None, folders: int | None = None
) -> Unrecorded | None:
    """What the agent did behind the newest record, if hooks are installed and capture is on.

    `config`: the agent's own folder; `last_us`: of the newest record that is stored; `folders`:
    look only at so many projects, those with the newest sessions.
    """
    try:
        installed_us = (layout.hooks / "run.py").stat().st_mtime_ns // 1000
    except OSError:
        return None  # what ran before the hooks were there could not be recorded
    if is_limited(layout):
        return None
    ran_us = _newest_transcript_us(layout, config / "projects", folders)
    known = [at_us for at_us in (last_us, _newest_file_us(layout)) if at_us is not None]
    if ran_us is None or ran_us <= max([installed_us, *known]) + TOLERANCE_US:
        return None
    return Unrecorded(ran_us, max(known, default=None))


def is_limited(layout: Layout) -> bool:
    """Whether capture is off, everywhere or for some project. JournalError: it cannot be read."""
    found = capture.look(layout, os.curdir)
    return found.off or bool(found.folders)


def look_at_activity(
    layout: Layout, config: Path, last_us: int | None, now_us: int
) -> list[Finding]:
    """What the agent did last was recorded."""
    say = Voice("activity")
    found = unrecorded(layout, config, last_us)
    if found is None:
        return [say.ok("every session Claude ran was recorded")]
    last = (
        f"the last record is from {_ago(found.last_us, now_us)}" if found.last_us else "no record"
    )
    hint = "fix the errors above; or: is the folder trusted, does the agent run with --bare, "
    message = f"Claude ran {_ago(found.ran_us, now_us)}, {last}"
    return [say.error(message, hint + "was it started before the hooks were installed?")]


def look_at_capture(layout: Layout) -> list[Finding]:
    """Capture was not turned off."""
    say = Voice("capture")
    found = capture.look(layout, os.curdir)
    if found.off:
        return [say.warning("off: nothing is recorded", "to resume: journal on")]
    if found.folders:
        message = f"off in {some(list(found.folders))}"
        return [say.warning(message, "to resume, run there: journal on --here")]
    return [say.ok("on")]


def _ago(at_us: int, now_us: int) -> str:
    minutes = max(0, now_us - at_us) // (60 * SECOND_US)
    if minutes < 120:
        return f"{minutes}m ago"
    return f"{minutes // 60}h ago" if minutes < 48 * 60 else f"{minutes // 1440}d ago"


def _newest_transcript_us(layout: Layout, projects: Path, folders: int | None) -> int | None:
    # A model that summarises sessions runs in the home, and silences its hooks.
    own = re.sub(r"[^A-Za-z0-9]", "-", str(layout.home))
    dated = [(_modified_us(entry), entry) for entry in _entries(projects) if entry.name != own]
    dated.sort(key=lambda pair: -pair[0])
    times = (
        _modified_us(file)
        for _, entry in dated[:folders]
        for file in _entries(Path(entry.path))[:_MOST_FILES]
        if file.name.endswith(".jsonl")
    )
    return max(times, default=None)


def _newest_file_us(layout: Layout) -> int | None:
    """When a hook last wrote, to the home or the spool."""
    recent = layout.day_names()[-_RECENT_DAYS:]
    return max((_modified_us(file) for file in _records(layout, recent)), default=None)


def _records(layout: Layout, days: list[str]) -> Iterator[os.DirEntry[str]]:
    for day in days:
        yield from (e for e in layout.entries_of(day) if not e.name.startswith(_OWN))
    yield from _entries(layout.spool)


def _modified_us(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_mtime_ns // 1000
    except OSError:
        return 0  # gone meanwhile, or a link to nothing


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
