"""Whether a folder that names a remote belongs to the project of that remote.

Anybody can write a URL into `.git/config`, and archives bring such files. So the folder in which a
project was recorded first belongs to it, and further ones if they contain a commit that was
recorded for it. The syncer lists in `contexts/<project>.folders` what it knows, a line each:
`+<folder>` belongs, `-<folder> <head>` did not when its HEAD was that commit, `c<commit>`.
"""

from hooks import emit
from hooks.git_look import contained
from hooks.local_pass import read_file
from hooks.project import Place


def shown_commit(home: str, place: Place) -> str:
    """A commit of the project that the folder contains; "" if it belongs anyway, or has none.

    Git is started once for each folder and HEAD.
    """
    known = _known(home, place)
    folder = emit.fingerprint(place.folder)
    if not known or f"+{folder}" in known or f"-{folder} {place.head}" in known:
        return ""
    commits = [line[1:] for line in known if line[:1] == "c"]
    return contained(place.top, place.folder, commits)


def context_key(home: str, place: Place, shown: str = "") -> str:
    """The key of the project whose context a session in this place gets."""
    if not place.key.startswith("git:"):
        return place.key
    known = _known(home, place)
    places = (emit.fingerprint(place.folder), emit.fingerprint(place.top))
    return place.key if shown or any(f"+{one}" in known for one in places) else place.own


def folders_file(home: str, key: str) -> str:
    """What is known of a project's folders."""
    return f"{home}/contexts/{emit.fingerprint(key)}.folders"


def _known(home: str, place: Place) -> "list[str]":
    if not place.key.startswith("git:"):
        return []
    return read_file(folders_file(home, place.key)).decode("ascii", "replace").split("\n")[:-1]
