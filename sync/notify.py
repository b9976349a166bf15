"""Notifies the person that a session waits: runs the command of `[notify]` once for each wait.

The notice is noted before the command starts, so that a kill may lose one and repeats none. The
command runs by itself: nothing waits for it.
"""

import os
import subprocess
from collections.abc import Mapping
from typing import Any

import apsw

from journal.printable import one_line
from journal.times import SECOND_US
from sync.store import states

FRESH_US = 60 * SECOND_US  # an older wait is noted without a notice
_QUESTION_CHARS = 1_000
_WAITING = """
select s.session, s.id, coalesce(nullif(s.project_name, ''), s.cwd), s.state, n.question_us
from session_states s left join notified n on n.session = s.session
where s.status <> 'finished' and s.status = 'awaiting'
"""
_NOTE = "insert or replace into notified values (?, ?)"
_started: list["subprocess.Popen[bytes]"] = []


def tell(
    db: apsw.Connection, command: tuple[str, ...], environ: Mapping[str, str], now_us: int
) -> int:
    """Run the command for each wait that is new; how often. One that cannot be started is none."""
    _started[:] = [one for one in _started if one.poll() is None]
    if not command:
        return 0
    reported = 0
    waiting: list[Any] = db.execute(_WAITING).fetchall()
    for key, name, project, data, known_us in waiting:
        state = states.load(data)
        if state is None or state.question_us is None or state.question_us == known_us:
            continue
        with db:
            db.execute(_NOTE, (key, state.question_us))
        if now_us - state.question_us <= FRESH_US:
            reported += _run(command, environ, str(name), str(project), state.question)
    return reported


def _run(
    command: tuple[str, ...], environ: Mapping[str, str], name: str, project: str, question: str
) -> bool:
    more = {
        "JOURNAL_SESSION": one_line(name),
        "JOURNAL_PROJECT": one_line(project),
        "JOURNAL_QUESTION": one_line(question)[:_QUESTION_CHARS],
    }
    words = [os.path.expanduser(command[0]), *command[1:]]  # noqa: PTH111 - a name on $PATH is none
    try:
        started = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**environ, **more}, start_new_session=True, close_fds=True,
        )  # fmt: skip
    except (OSError, ValueError):
        return False
    _started.append(started)
    return True
