"""Deletion: a session, or what it did up to a moment, is taken out with all that belongs to it.

Invariant: in one transaction the facts go, and every row that was derived from them. What other
sessions share (a large value, an origin) stays as long as one of them uses it. A session of which
something is left is folded again from that, so nothing of what went remains in its views.
"""

from collections.abc import Iterable

import apsw

from sync.store import arrivals, bodies, deletion, facts, own_fact_rows
from sync.store.own_fact_rows import OwnFact
from sync.views import (
    contexts,
    delivered_pieces,
    derive,
    full_text,
    items,
    models,
    sessions,
    summaries,
    tombstones,
    transcripts,
)
from sync.views.tombstones import Grave


def bury(db: apsw.Connection, own: Iterable[OwnFact], now_us: int) -> int:
    """Apply tombstones and remove what they cover; how many events that were.

    To be called inside a transaction, before the facts that came with them are stored.
    """
    graves = tombstones.add_facts(db, own)
    return up_to(db, graves, now_us) if graves else 0


def up_to(db: apsw.Connection, graves: list[Grave], now_us: int) -> int:
    """Remove what these tombstones cover; how many events that were.

    To be called inside a transaction. Costs one look at all of the journal's own facts and at all
    uses of large values, however many sessions there are.
    """
    spoken = own_fact_rows.stored_of(db, {grave.session for grave in graves})
    rows: list[tuple[int, int]] = []
    for grave in graves:
        rows += _remove(db, grave, spoken.get(grave.session, []), now_us)
    bodies.release(db, [seq for seq, _ in rows])
    deletion.drop_unused_origins(db, {origin for _, origin in rows})
    return len(rows)


def _remove(
    db: apsw.Connection, grave: Grave, spoken: list[OwnFact], now_us: int
) -> list[tuple[int, int]]:
    """One session; the rows of its events that went, each with that of its origin."""
    key = facts.known_key(db, grave.agent, grave.session)
    rows = []
    if key is not None:
        contexts.mark(db, key)
        for view in derive.WITH_ROWS_OF_EVENTS:
            view.drop(db, key)
        rows = deletion.remove_events(db, key, grave.covers)
    _remove_own(db, grave, spoken)
    if key is not None:
        if facts.count(db, key):
            derive.fold_again(db, key, now_us)
            delivered_pieces.note_work(db, [key], now_us)
        else:
            _remove_session(db, key)
    return rows


def _remove_own(db: apsw.Connection, grave: Grave, spoken: list[OwnFact]) -> None:
    """What the journal itself said of the session; what it said later is stored again."""
    gone = {own.id for own in spoken if grave.covers_own(own)}
    deletion.remove_own(db, gone)
    left = [own for own in spoken if own.id not in gone and own.name != tombstones.EVENT]
    of_session = [own for own in left if own.payload.get("agent") == grave.agent]
    for view in derive.OF_OWN_FACTS:
        view.drop_session(db, grave.agent, grave.session)
        view.add_facts(db, of_session)


def _remove_session(db: apsw.Connection, key: int) -> None:
    models.drop_work(db, key)
    delivered_pieces.done(db, key)
    transcripts.drop_session(db, *facts.identity(db, key))
    arrivals.drop(db, *facts.identity(db, key))
    for view in (summaries, sessions):
        view.drop(db, key)
    db.execute("delete from notified where session = ?", (key,))
    deletion.remove_session(db, key)


def remove_bodies(db: apsw.Connection, keys: Iterable[int], before_us: int) -> int:
    """Remove the bodies of these sessions' events from before a moment; how many.

    Their rows stay, and the sessions' views: from now on those are only advanced, never folded
    again. What was indexed of the bodies goes with them. To be called inside a transaction.
    """
    seqs = [seq for key in keys for seq, _ in deletion.with_bodies(db, key, before_us)]
    full_text.drop_events(db, seqs)
    items.drop_texts(db, seqs)
    deletion.remove_bodies(db, seqs)
    bodies.release(db, seqs)
    return len(seqs)
