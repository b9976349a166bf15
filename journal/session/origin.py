"""Where a session is: its machine, process, project, branch and plan, as its events name them."""

from collections.abc import Mapping
from typing import Any

from journal.session.meaning import Kind, Meaning
from journal.session.plan import name_of
from journal.session.state import SessionState, is_attended


def place(state: SessionState, origin: Mapping[str, Any], meaning: Meaning) -> None:
    """Note the machine, process, folder and branch of an event."""
    state.host = origin.get("host") or state.host
    state.home = origin.get("home") or state.home
    if process := origin.get("process") or "":
        state.processes = state.processes + 1 if process == state.process else 1
        state.process = process
    state.pid = origin.get("pid") or state.pid
    state.entrypoint = origin.get("entrypoint") or state.entrypoint
    state.attended = state.attended or is_attended(origin)
    state.hooked = state.hooked or not meaning.reported
    if meaning.kind is Kind.SESSION_START and origin.get("plan"):
        _plan(state, origin["plan"])
    if not state.cwd:
        state.cwd = meaning.cwd
    git = origin.get("git")
    if git:
        state.project = state.project or git.get("key") or ""
        state.project_name = state.project_name or git.get("name") or ""
        state.top = state.top or git.get("top") or ""
        state.folder = state.folder or git.get("folder") or ""
        state.shown = state.shown or git.get("shown") or ""
        if meaning.reported:  # a transcript names the branch of each line, and no commit
            state.branch = git.get("branch") or state.branch
        else:
            state.branch, state.head = git.get("branch") or "", git.get("head") or ""


def _plan(state: SessionState, plan: str) -> None:
    """Only a start makes a session a planned one: what a stranger leaves behind binds to none."""
    if not state.plan or name_of(plan):  # one that resumes without a name keeps the old one
        state.plan = plan
    trigger(state, "planned")


def trigger(state: SessionState, name: str) -> None:
    """Note something that may make it a session to keep, see sessions.adopt_on."""
    if name not in state.triggers:
        state.triggers.append(name)
