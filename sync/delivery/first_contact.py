"""The first contact with a team archive: its id names it, under any address."""

from random import SystemRandom

from sync.conditions import Conditions
from sync.delivery import circuit_breaker, order
from sync.remote import archive_ids
from sync.remote.contract import RemoteError
from sync.remote.naming import name_of


def meet(conditions: Conditions, *, at_once: bool) -> RemoteError | None:
    """A team archive is asked for its id before anything is cut for it; why that cannot be.

    `at_once`: also if it has failed a moment ago. JournalError: the home cannot be written.
    """
    layout, settings = conditions.layout, conditions.settings
    remote = settings.remote
    if remote.kind != "postgres" or archive_ids.known(layout, remote):
        return None
    from sync.remote.postgres.remote import archive_id

    remotes = circuit_breaker.load(layout.remotes)
    name, key = name_of(remote, layout), circuit_breaker.settings_key(remote, has_token=True)
    circuit = remotes.circuit(name, key)
    if not (at_once or circuit_breaker.allows(circuit, conditions.now_us)):
        return order.said(circuit)
    try:
        found = archive_id(remote, conditions.environ, remote.timeout_seconds)
    except RemoteError as error:
        chance = SystemRandom()
        remotes.circuits[name] = circuit_breaker.failed(
            circuit, error, conditions.now_us, settings.retry, chance
        )
        circuit_breaker.save(layout.remotes, remotes)
        return error
    archive_ids.note(layout, remote, found)
    return None
