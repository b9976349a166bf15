"""Writes batches, one IMMEDIATE transaction each: facts, views and cursors, or nothing of it.

A transaction's last steps, the full-text index and the commit, are two statements that hardly
need the interpreter; they run in a thread while the next batch is read. Only one thread uses the
connection at any time: every write begins by waiting for the one before.
"""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import apsw

from sync.ingest import journal_reader
from sync.ingest.batch import Batch
from sync.store import arrivals, facts, own_fact_rows, redactions
from sync.store.file_cursors import save_cursors
from sync.views import derive, full_text, session_deletion, tombstones, transcripts


class Written(NamedTuple):
    """What one batch brought; true once its transaction is committed, see `Writer.wait`."""

    stored: int
    duplicate: int
    rejected: int
    sessions: set[int]
    adopted: int
    resolved: int  # sessions that have another memory id than before, or have one now
    deleted: int  # events that were there and that a tombstone covers


class Writer:
    """The one who writes to a database during a pass; a context, which ends with the last commit.

    An error of a commit is raised by the next call, and all that was not committed is undone.
    """

    def __init__(
        self,
        db: apsw.Connection,
        reader: journal_reader.Reader,
        adopt_on: tuple[str, ...],
        now_us: int,
        arrived_us: int | None = None,
    ) -> None:
        """`arrived_us`: the time that is noted as that of the arrival; `now_us` if it is None."""
        self._db = db
        self._reader = reader
        self._adopt_on = adopt_on
        self._now_us = now_us
        self._arrived_us = now_us if arrived_us is None else arrived_us
        self._background = ThreadPoolExecutor(1)
        self._commit: Future[None] | None = None

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self.wait()
        finally:
            self._background.shutdown()

    def wait(self) -> None:
        """Everything written so far is committed."""
        commit, self._commit = self._commit, None
        if commit is not None:
            commit.result()

    def write(self, batch: Batch) -> Written:
        """Write one batch; its commit may still be under way when this returns."""
        self.wait()
        self._db.execute("begin immediate")
        try:
            written, texts = self._write(batch)
        except BaseException:
            self._db.execute("rollback")
            raise
        self._commit = self._background.submit(self._finish, texts)
        return written

    def _write(self, batch: Batch) -> tuple[Written, list[full_text.Row]]:
        db = self._db
        deleted = session_deletion.bury(
            db, (own_fact_rows.own_of(own.record) for own in batch.own), self._now_us
        )
        graves = [one for one in batch.own if one.record.event == tombstones.EVENT]
        own = own_fact_rows.insert_own(db, graves)  # before anything is compared with them
        uncovered = tombstones.uncovered(db, batch.facts)
        inserted = facts.insert(db, uncovered)
        if first := min((e.seq for new in inserted.events.values() for e in new), default=0):
            redactions.note(db, first, self._reader.rules)
        arrivals.note(db, inserted.events, self._arrived_us)
        own += own_fact_rows.insert_own(db, tombstones.uncovered(db, batch.own))
        before = self._standing(inserted.events, own)
        texts = derive.advance(db, inserted.events, own, self._now_us)
        after = self._standing(inserted.events, own)
        differing = self._reader.differing(db, batch, inserted.known)
        save_cursors(db, batch.cursors)
        transcripts.save(db, batch.copied)
        covered = len(batch.facts) - len(uncovered)
        duplicate = len(inserted.known) - differing + covered
        rejected = batch.rejected + differing
        sessions = set(inserted.events)
        adopted, resolved = len(after[0] - before[0]), len(after[1] - before[1])
        return Written(
            inserted.stored, duplicate, rejected, sessions, adopted, resolved, deleted
        ), texts

    def _standing(
        self, events: Iterable[int], own: list[own_fact_rows.OwnFact]
    ) -> tuple[set[int], set[object]]:
        """Which of these sessions are adopted, and which memory ids they have."""
        adopted = derive.adopted(self._db, events, self._adopt_on)
        return adopted, set(derive.resolved(self._db, events, own).items())

    def _finish(self, texts: list[full_text.Row]) -> None:
        try:
            full_text.insert(self._db, texts)
            self._db.execute("commit")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise
