"""What each tool answers: arguments become a query, and its rows become records of a frame."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from hooks.project import locate
from journal.cli.app import App
from journal.cli.filters import chosen_sessions
from journal.mcp import arguments as asked
from journal.mcp import history_answers, search_answer, session_answers
from journal.mcp.question import Question
from journal.mcp.quoting import Teller
from journal.redaction.exclusions import Exclusions
from sync.ingest.screening import make_screen
from sync.query.filters import moment_us
from sync.recall import scope


def answer(app: App, environ: Mapping[str, str], tool: str, values: Mapping[str, Any]) -> str:
    """The answer of a tool, of at most its `max_chars`.

    UsageError: an argument is wrong. JournalError: nothing is recorded yet, or no such session.
    """
    given = asked.parse(tool, values)
    now_us = app.now_us
    since_us = moment_us(given.since, now_us) if given.since.strip() else 0
    project = getattr(given, "project", "*").strip()
    chosen = {
        "here": not project,
        "project": "" if project == "*" else project,
        "agent": given.agent.strip(),
        **dict.fromkeys(("with_all", "branch", "state", "host")),
    }
    wanted = chosen_sessions(app, chosen)._replace(since_us=since_us or None)
    screen = make_screen(app.layout, app.settings)
    with app.reading(ends_matter=False) as db:
        may = scope.make(db, wanted, Exclusions(app.settings.capture), environ)
        teller = Teller(db, screen, now_us, app.adopt_on)
        ask = Question(db, may, teller, app.adopt_on, now_us, since_us)
        place = "all projects" if project == "*" else project or _here()
        return _ANSWERS[tool](ask, given, place)


def _here() -> str:
    directory = os.getcwd()  # noqa: PTH109
    return locate(directory, os.uname().nodename).name or os.path.basename(directory)  # noqa: PTH119


_ANSWERS: Mapping[str, Callable[[Question, Any, str], str]] = {
    "search": search_answer.search,
    "session": session_answers.one_session,
    "recent": session_answers.recent_sessions,
    "file_history": history_answers.of_file,
    "command_history": history_answers.of_commands,
    "error_history": history_answers.of_errors,
}
