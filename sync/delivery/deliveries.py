"""The archive's stage: what is new is cut into pieces, and what is due is sent.

Under `deliver.lock`, after a local pass that has read every receipt. Retry files are the queue; the
database only knows what they cover, so without it nothing new is cut, and what waits is sent.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from random import SystemRandom

import apsw

from journal import home_id
from journal.durable_files import remove_abandoned
from journal.errors import BusyError, JournalError
from journal.settings import sections
from journal.times import SECOND_US
from sync.conditions import Conditions
from sync.delivery import (
    begun,
    circuit_breaker,
    cutting,
    dead_pieces,
    first_contact,
    queue_run,
    retry_queue,
)
from sync.delivery.circuit_breaker import Remotes
from sync.delivery.order import Delivered, Order
from sync.delivery.queue_check import check_queue
from sync.ingest.screening import make_redactor
from sync.remote import archive_ids
from sync.remote.contract import Heading, Material, Remote, RemoteError
from sync.remote.naming import max_bytes, name_of
from sync.store import connection
from sync.store.locks import locked
from sync.views import delivered_pieces


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for."""

    all: bool = False  # what is not due yet, too
    dead: bool = False  # what was given up, too
    cut: bool = True  # what is new and in no piece yet, too
    probe: bool = False  # a remote that failed is to be tried all the same
    progress: Callable[[str, int, int], None] = lambda what, done, total: None


def run(conditions: Conditions, wish: Wish) -> Delivered:
    """One run of the stage. BusyError: another process delivers. JournalError: the home fails."""
    if conditions.settings.remote.kind == "none":
        return _without_remote(conditions)
    if not (
        wish.dead or _has_work(conditions) or not retry_queue.is_empty(conditions.layout.retry)
    ):
        return Delivered()
    with locked(conditions.layout.deliver_lock, lambda: False):
        remove_abandoned(conditions.layout.retry, conditions.now_us)
        begun.count(conditions.layout.retry)
        if (unmet := first_contact.meet(conditions, at_once=wish.probe or wish.all)) is not None:
            waiting = len(retry_queue.list_names(conditions.layout.retry))
            return Delivered(waiting=waiting, error=unmet)
        problems = _prepare(conditions, wish)
        if wish.dead:
            problems += _put_back(conditions)
        done = _deliver(conditions, wish)
    if done.sent or done.dead:
        problems += _run_pass(conditions)
    done.problems += [one for one in dict.fromkeys(problems) if one not in done.problems]
    done.ripening = _ripening(conditions)
    return done


def _without_remote(conditions: Conditions) -> Delivered:
    waiting = len(retry_queue.list_names(conditions.layout.retry))
    return Delivered(waiting=waiting, elsewhere=waiting)


def _has_work(conditions: Conditions) -> bool:
    return bool(_ripening(conditions))


def _ripening(conditions: Conditions) -> int:
    """How many sessions have something that is in no piece yet; 0 without a database."""
    if not conditions.layout.database.exists():
        return 0
    try:
        with closing(connection.open_store(conditions.layout)) as db:
            return delivered_pieces.ripening(db, conditions.settings.sessions.adopt_on)
    except (apsw.Error, JournalError):
        return 0  # the pass before has said so


def _prepare(conditions: Conditions, wish: Wish) -> list[str]:
    """Receipts read, notes brought up to the files, new pieces cut; what could not be done."""
    try:
        conditions.run_pass()
        if conditions.stopping():
            return []  # the pass may have left receipts unread
        with closing(connection.open_store(conditions.layout)) as db:
            return _cut(conditions, wish, db)
    except BusyError:
        return []  # a pass is running: what is new is cut after the next one
    except apsw.Error as error:
        return [str(connection.explain(error, conditions.layout.database))]
    except JournalError as error:
        return [str(error)]


def _run_pass(conditions: Conditions) -> list[str]:
    """Receipts and rejections of this run; what could not be done, as the next one will."""
    try:
        conditions.run_pass()
    except BusyError:
        return []
    except JournalError as error:
        return [str(error)]
    return []


def _cut(conditions: Conditions, wish: Wish, db: apsw.Connection) -> list[str]:
    layout, settings = conditions.layout, conditions.settings
    checked = check_queue(db, layout.retry, conditions.now_us)
    for name in checked.delivered:
        retry_queue.remove(layout.retry / name, layout.dead)
    if wish.cut:
        shape = _shape(conditions)
        adopt_on = tuple(settings.sessions.adopt_on)
        redactor = make_redactor(layout, settings)
        reported = partial(wish.progress, "Preparing")
        cutting.cut(db, layout, shape, redactor, adopt_on, conditions.now_us, reported)
    return checked.problems


def _shape(conditions: Conditions) -> cutting.Shape:
    remote = conditions.settings.remote
    return cutting.Shape(
        remote=name_of(remote, conditions.layout),
        render=_renderer(remote),
        max_bytes=max_bytes(remote),
        has_records=remote.kind in ("folder", "postgres") or remote.raw,
        interval_us=int(remote.min_interval_seconds * SECOND_US),
        has_rows=remote.kind == "postgres",
    )


def _renderer(remote: sections.Remote) -> Callable[[Heading, Material], bytes]:
    if remote.kind == "folder":
        from sync.remote.folder_files import render
    elif remote.kind == "postgres":
        from sync.remote.postgres.piece import render
    elif remote.raw:
        from sync.remote.thread import render_raw as render
    else:
        from sync.remote.thread import render
    return render


def _put_back(conditions: Conditions) -> list[str]:
    """Make retry files of what was given up; what could not be."""
    problems = []
    for path in dead_pieces.list_paths(conditions.layout.dead):
        try:
            dead_pieces.put_back(path, conditions.layout.retry, conditions.now_us)
        except retry_queue.GoneError:
            continue
        except retry_queue.ForeignRetryError as error:
            problems.append(str(error))
    return problems


def _deliver(conditions: Conditions, wish: Wish) -> Delivered:
    layout, settings = conditions.layout, conditions.settings
    if retry_queue.is_empty(layout.retry):
        return Delivered()
    remotes = circuit_breaker.load(layout.remotes)
    name = name_of(settings.remote, layout)
    try:
        with _remote(conditions, remotes) as remote:
            key = circuit_breaker.settings_key(settings.remote, has_token=True)
            return queue_run.run(_order(conditions, wish, remote, remotes, key))
    except RemoteError as error:  # there is none to be asked: no token, no address
        key = circuit_breaker.settings_key(settings.remote, has_token=False)
        circuit = remotes.circuit(name, key)
        chance = SystemRandom()
        circuit = circuit_breaker.failed(circuit, error, conditions.now_us, settings.retry, chance)
        remotes.circuits[name] = circuit
        circuit_breaker.save(layout.remotes, remotes)
        return Delivered(waiting=len(retry_queue.list_names(layout.retry)), error=error)


def _order(conditions: Conditions, wish: Wish, remote: Remote, remotes: Remotes, key: str) -> Order:
    return Order(
        conditions.layout,
        conditions.settings,
        make_redactor(conditions.layout, conditions.settings),
        remote,
        remotes,
        key,
        conditions.clock_ns,
        SystemRandom(),
        conditions.stopping,
        wish.all,
        wish.probe,
        partial(wish.progress, "Sending"),
    )


@contextmanager
def _remote(conditions: Conditions, remotes: Remotes) -> Iterator[Remote]:
    """The remote of the settings. RemoteError: it cannot be asked at all."""
    made = _made(conditions, remotes)
    try:
        yield made
    finally:
        made.close()


def _made(conditions: Conditions, remotes: Remotes) -> Remote:
    layout, settings = conditions.layout, conditions.settings.remote
    memory = remotes.memory(name_of(settings, layout))

    def remember() -> None:
        circuit_breaker.save(layout.remotes, remotes)

    def now_us() -> int:
        return conditions.now_us

    if settings.kind == "folder":
        from sync.remote.folder import Folder

        return Folder(settings, memory, remember, now_us)
    if settings.kind == "postgres":
        from sync.remote.postgres.remote import Postgres

        def note_archive(archive_id: str) -> None:
            archive_ids.note(layout, settings, archive_id)

        known = archive_ids.known(layout, settings)
        return Postgres(
            settings,
            known,
            home_id.ensure(layout),
            conditions.environ,
            memory,
            remember,
            note_archive,
        )
    from sync.remote.mindspring import MindSpring
    from sync.remote.token import token

    found = token(settings, conditions.environ)
    return MindSpring(settings, found, memory, remember, now_us)
