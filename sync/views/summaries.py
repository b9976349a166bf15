"""The view of summaries: a model's while it knows all of its session, else the built-in one."""

import apsw

from journal.session.state import SessionState
from journal.session.summary import Summary, summarise
from sync.views import models
from sync.views.change import Change


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> None:
    """Write the sessions' summaries; a session with nothing to say has none."""
    made = [(change.session, best(db, change.agent, change.id, change.state)) for change in changes]
    rows = [(session, summary.model_dump_json()) for session, summary in made if summary]
    db.executemany("insert or replace into summaries values (?, ?)", rows)
    without = [(session,) for session, summary in made if summary is None]
    db.executemany("delete from summaries where session = ?", without)


def best(db: apsw.Connection, agent: str, session: str, state: SessionState) -> Summary | None:
    """The model's summary if nothing was asked or answered since, else the built-in one.

    The files of a model's summary are the observed ones: it is not asked for them.
    """
    builtin = summarise(state)
    by_model = models.latest(db, agent, session)
    if by_model is None or builtin is None or by_model.covers_us < last_word_us(state):
        return builtin
    observed = {"files_read": builtin.files_read, "files_edited": builtin.files_edited}
    return by_model.summary.model_copy(update=observed)


def last_word_us(state: SessionState) -> int:
    """When the last prompt or answer was: what comes after that adds nothing to a summary."""
    said = [state.last_words, *state.last_prompts[-1:]]
    return max((one.at_us for one in said if one is not None), default=state.started_us)


def drop(db: apsw.Connection, session: int) -> None:
    """Remove the session's row: nothing of the session is left."""
    db.execute("delete from summaries where session = ?", (session,))
