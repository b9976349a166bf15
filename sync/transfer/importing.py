"""Import: records of other machines, and transcripts, become ordinary records of this journal.

Invariant: a record is appended to the day it belongs to only if the database does not hold its id
and this run has not appended it; what a killed run had appended is synced by the pass that
the next one begins with. So importing again, or after a kill, changes nothing that is there.

That a remote folder has what its pieces hold is noted before it is appended: no pass in between
may find the records without the receipt, and send them back to where they came from.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import apsw

from journal.agents.claude_code.transcript_lines import session_of
from journal.errors import BusyError
from journal.layout import Layout
from journal.record import record
from journal.redaction.exclusions import Exclusions
from journal.settings.sources import Settings
from sync.delivery import received
from sync.ingest.appending import Appender
from sync.ingest.dead_letters import Dead
from sync.ingest.foreign_lines import Line, Refused, UnreadableError, accepted, lines
from sync.ingest.screening import make_screen
from sync.remote.share import closed_to_us
from sync.store import connection
from sync.store.file_cursors import START
from sync.store.locks import locked
from sync.transcripts.history import Projects, TranscriptSource
from sync.transcripts.records import TornLineError, keeping
from sync.transfer.sources import Source
from sync.views import transcripts
from sync.views.transcripts import Copied

LOCK = "import.lock"  # in the home; of the one process that imports
# What another journal says of sessions; the rest is about its own deliveries, calls and deletions.
TAKEN = frozenset(("MemoryId", "Summary", "Pin", "Unpin"))
MOST_REFUSALS = 5
SCREENED_TOGETHER = 16  # records


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line, or a part of one, that is not a record."""

    path: Path
    line: int  # from 1
    reason: str


@dataclass(slots=True)
class Imported:
    """What one run did, or would do.

    `records` = `imported` + `known` + `left_out` + `excluded`.
    """

    files: int = 0
    records: int = 0
    imported: int = 0  # appended to the journal
    known: int = 0
    left_out: int = 0  # of what another journal says of itself
    excluded: int = 0  # because of capture.exclude_projects and exclude_tools
    rejected: int = 0  # lines and parts of lines; kept in dead/
    sessions: int = 0  # that got something new
    refusals: list[Refusal] = field(default_factory=list)  # the first of them
    problems: list[str] = field(default_factory=list)  # files that cannot be read to their end
    unchanged: int = 0  # transcripts that were read before and are as they were
    reached: list[Copied] = field(default_factory=list)  # how far transcripts were read


@dataclass(frozen=True, slots=True)
class Order:
    """What a run works with. Clocks and terminals belong to the caller."""

    layout: Layout
    settings: Settings
    sources: Sequence[Source]
    clock_ns: Callable[[], int]
    run_pass: Callable[[], object]  # a local pass
    finish: Callable[[], object]  # a local pass that packs what was imported, too
    dry_run: bool = False  # write nothing
    verify: bool = False  # read everything, also what was read before
    progress: Callable[[int, int], None] = lambda done, total: None  # bytes
    screened: set[int] = field(default_factory=set)  # lines, for these passes; see Screen


def run(order: Order) -> Imported:
    """Bring what these files hold into the journal and its database; memory is bounded.

    BusyError: another import or another pass is running. JournalError: the home cannot be written,
    the database not be used; what was brought in stays, and the next run brings the rest.
    """
    with _alone(order):
        if not order.dry_run:
            order.run_pass()
        exclusions = Exclusions(order.settings.capture)
        try:
            with (
                closing(_known(order)) as db,
                Appender(db, order.layout, order.dry_run, exclusions) as appender,
            ):
                done = _Run(order, db, appender).run()
        except apsw.Error as error:
            raise connection.explain(error, order.layout.database) from error
        if not order.dry_run:
            if done.imported and done.reached:
                order.finish()
            elif done.imported:
                order.run_pass()
            _save_reached(order, done)
    return done


def _save_reached(order: Order, done: Imported) -> None:
    """Remember how far transcripts were read: their records are stored by now."""
    if done.reached:
        with closing(connection.open_store(order.layout)) as db, db:
            transcripts.save(db, done.reached)


@contextmanager
def _alone(order: Order) -> Iterator[None]:
    with ExitStack() as stack:
        if not order.dry_run:
            try:
                stack.enter_context(locked(order.layout.home / LOCK, lambda: False))
            except BusyError as error:
                raise BusyError("another import is running", "try again") from error
        yield


def _known(order: Order) -> apsw.Connection:
    """The home's database; for a dry run one that holds nothing, if there is none."""
    if not order.dry_run:
        return connection.open_store(order.layout)
    if order.layout.database.exists():
        return connection.connect(order.layout.database)
    db = apsw.Connection(":memory:")
    db.execute("create table events (id blob); create table own_facts (id blob)")
    return db


class _Run:
    """One run: reads the files in turn, and appends what is new in batches."""

    def __init__(self, order: Order, db: apsw.Connection, appender: Appender) -> None:
        self._order = order
        self._db = db
        self._done = Imported()
        now_us = order.clock_ns() // 1000
        # A dry run makes no key in a home that has none, and keeps no dead letters.
        made = None if order.dry_run else make_screen(order.layout, order.settings)
        self._screen = made
        self._dead = None if made is None else Dead(order.layout, made, now_us)
        self._reported = list[record.Record]()  # that are screened together
        self._kept = keeping(order.layout, order.settings)
        self._git = Projects(order.layout.id)
        self._pending: tuple[Path, Line, Refused] | None = None
        self._appender = appender
        self._is_on_its_way = False  # the piece that is being read
        self._reached = None if db.filename == "" else transcripts.Reached(db)

    def run(self) -> Imported:
        """All files."""
        total = sum(source.size for source in self._order.sources)
        if self._screen is not None:
            new = [one.size for one in self._order.sources if not self._is_read(one)]
            self._screen.redactor.expect(sum(new))
        before = 0
        for source in self._order.sources:
            self._done.files += 1
            if self._is_read(source):
                self._done.unchanged += 1
            else:
                self._read(source, before, total)
            before += source.size
            self._order.progress(before, total)
        self._append_lines()
        self._appender.flush()
        self._done.imported = self._appender.appended
        self._done.known = self._appender.known
        self._done.excluded = self._appender.excluded
        self._done.sessions = self._appender.sessions
        return self._done

    def _is_read(self, source: Source) -> bool:
        """Whether a transcript is as it was when it was read to its end."""
        if not source.agent or self._order.verify or source.status is None:
            return False
        return self._reached is not None and self._reached.is_untouched(source.name, source.status)

    def _read(self, source: Source, before: int, total: int) -> None:
        self._is_on_its_way = False
        try:
            if source.folder is not None:
                self._receive(source, source.folder)
            transcript = self._transcript(source) if source.agent else None
            take, reported = self._taker(source, transcript)
            for line in reported:
                take(line)
                if line.number % 500 == 0:
                    self._order.progress(before + line.read, total)
            self._refuse_pending(ends=True)
            if transcript is not None:
                self._done.reached.append(transcript.reached)
        except UnreadableError as error:
            why = closed_to_us(source.path) if source.folder is not None else ""
            self._done.problems.append(str(error) + why)

    def _transcript(self, source: Source) -> TranscriptSource:
        name, session = source.name, session_of(source.path)
        before = self._reached.get(name) if self._reached is not None else None
        if before is None or self._order.verify:
            before = Copied(source.path, source.agent, session, START, 0)
        return TranscriptSource(source.path, source.agent, self._kept, self._git, before)

    def _taker(
        self, source: Source, transcript: TranscriptSource | None
    ) -> tuple[Callable[[Line], None], Iterator[Line]]:
        """What takes the lines of a file, and the lines."""
        if transcript is None:
            return partial(self._take, source.path), lines(source.path)
        return partial(self._take_line, transcript), transcript.lines()

    def _take_line(self, transcript: TranscriptSource, line: Line) -> None:
        """What a line of a transcript says, redacted: it is the copy that is kept."""
        self._refuse_pending(ends=False)
        try:
            for made in transcript.records(line):
                self._done.records += 1
                self._reported.append(made)
        except TornLineError as error:
            self._pending = transcript.path, line, Refused(0, error.torn, str(error))
        if len(self._reported) >= SCREENED_TOGETHER:
            self._append_lines()

    def _append_lines(self) -> None:
        reported, self._reported = self._reported, []
        for made in self._screen.records(reported) if self._screen else reported:
            data = record.dump(made).rstrip()
            self._order.screened.add(hash(data))
            self._appender.add(made, data, (made.agent, made.session))

    def _refuse_pending(self, *, ends: bool) -> None:
        """A torn last line stays where it is: the agent may be writing it at this moment."""
        pending, self._pending = self._pending, None
        if pending is not None:
            self._refuse(*pending, keep=not ends)

    def _take(self, path: Path, line: Line) -> None:
        for one in accepted(line):
            if isinstance(one, Refused):
                self._refuse(path, line, one)
                continue
            self._done.records += 1
            if one.record.agent == record.JOURNAL_AGENT and one.record.event not in TAKEN:
                self._done.left_out += 1
                continue
            self._appender.add(*one)

    def _refuse(self, path: Path, line: Line, refused: Refused, *, keep: bool = True) -> None:
        if self._is_on_its_way:
            return  # that piece is named among the problems, and is read again when it is whole
        self._done.rejected += 1
        if len(self._done.refusals) < MOST_REFUSALS:
            self._done.refusals.append(Refusal(path, line.number, refused.reason))
        if self._dead is not None and keep:
            self._dead.put(path, line.offset + refused.offset, refused.data, refused.reason)

    def _receive(self, source: Source, folder: Path) -> None:
        """The journal says that the folder has this piece.

        One whose content is not what its name says is only read: a file syncer may still be
        bringing it. Nothing of it goes to dead/.
        """
        order, piece = self._order, received.read(source.path)
        if problem := received.fault(source.path, piece):
            self._is_on_its_way = True
            self._done.problems.append(problem)
        elif not order.dry_run:
            remote, now_ns = received.remote_name(folder, order.settings), order.clock_ns()
            received.note(self._db, order.layout, remote, source.path, piece, now_ns)
