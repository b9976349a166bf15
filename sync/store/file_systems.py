"""Which file system a folder lies on, where it matters: SQLite needs locks that hold everywhere.

On a network file system neither flock nor the shared memory of a WAL is promised to be seen by the
other machines, so a database there may be damaged by two of them.
"""

import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")  # see proc_pid_mountinfo(5); there is none on macOS
_ESCAPE = re.compile(r"\\([0-7]{3})")
# Not overlay, 9p or virtiofs: whole machines run on them, and one kernel sees to their locks.
INCOHERENT = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph"),
        *("glusterfs", "fuse.glusterfs", "fuse.sshfs", "fuse.ceph", "fuse.ceph-fuse"),
    }
)


def network_file_system(folder: Path, mounts: str | None = None) -> str | None:
    """The type of the network file system that an absolute `folder` lies on, or would if made.

    None: it lies on no such one, or the system does not say. `mounts` is a text as in
    /proc/self/mountinfo; without it the system's own is read.
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(errors="surrogateescape")
        except OSError:
            return None
    kind = _kind(str(folder), mounts)
    return kind if kind in INCOHERENT else None


def _kind(folder: str, mounts: str) -> str:
    """The type of the mount with the longest path above the folder; of equal ones the last."""
    best, kind = "", ""
    for line in mounts.splitlines():
        before, _, behind = line.partition(" - ")
        fields, types = before.split(), behind.split()
        if len(fields) < 5 or not types:
            continue
        point = _ESCAPE.sub(_character, fields[4])
        if _is_above(point, folder) and len(point) >= len(best):
            best, kind = point, types[0]
    return kind


def _character(found: re.Match[str]) -> str:
    """A space, tab, newline or backslash of a path, which the table writes in octal."""
    return chr(int(found[1], 8))


def _is_above(point: str, folder: str) -> bool:
    return folder == point or folder.startswith(point.rstrip(os.sep) + os.sep)
