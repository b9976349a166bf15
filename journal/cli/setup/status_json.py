"""The condition of a home as JSON: `journal status --json`, `/api/status`."""

import os
from typing import TYPE_CHECKING

from journal.cli.app import App

if TYPE_CHECKING:
    from sync.checkup.home_status import Condition


def condition_json(app: App, found: "Condition") -> dict[str, object]:
    """The condition in the shape of the public interface, with a few keys more."""
    from journal import __version__

    return {
        "version": __version__,
        "home": str(app.layout.home),
        "journal": {
            "files": found.journal_files,
            "bytes": found.journal_bytes,
            "unsynced_bytes": found.unsynced_bytes,
            "oldest_unsynced": _text(found.oldest_unsynced_us),
            "spooled": found.spooled,
        },
        "store": {
            "events": found.events,
            "sessions": found.sessions,
            "bytes": found.store_bytes,
            "schema": found.schema,
            "last_record": _text(found.last_us),
        },
        "sessions": {**found.states, "not_adopted": found.not_adopted},
        "memory_ids": _memory_ids_json(found),
        "rejected": found.rejected,
        **({"lost": found.lost.number} if found.lost.number else {}),
        "retry": {
            "waiting": found.archive.waiting,
            "due": found.archive.due,
            "oldest": _text(found.archive.oldest_us),
        },
        "dead": found.archive.dead,
        "watcher": _watcher_json(found),
        "remote": _remote_json(app, found),
        "redaction": {"rules": found.rules, "older_events": found.older_events},
        "hooks": found.hooks,
        "capture": _capture_json(app),
        "memory_agent": _agent_json(app, found),
        "problems": [{"message": str(problem), "hint": problem.hint} for problem in found.problems],
    }


def _memory_ids_json(found: "Condition") -> dict[str, object]:
    ids = found.memory_ids
    return {
        "resolved": ids.resolved,
        "pending": ids.pending,
        "oldest_pending": _text(ids.oldest_pending_us),
        "refused": ids.refused,
    }


def _watcher_json(found: "Condition") -> dict[str, object]:
    one = found.watcher
    return {
        "running": one is not None,
        "pid": one and one.pid,
        "last_look": one and _text(one.looked_us),
        "trouble": one and (one.trouble or None),
    }


def _text(at_us: int | None) -> str | None:
    from journal.times import to_text

    return None if at_us is None else to_text(at_us)


def _capture_json(app: App) -> dict[str, object]:
    from journal.setup import capture

    found = capture.look(app.layout, os.curdir)
    return {"off": found.off, "off_here": found.here != "", "folders": list(found.folders)}


def _remote_json(app: App, found: "Condition") -> dict[str, object]:
    from journal.times import to_text
    from sync.delivery.circuit_breaker import next_us

    circuit = found.archive.circuit
    error = circuit.last_error
    again_us = next_us(circuit)
    trouble: dict[str, object] = {}
    if circuit.state != "closed":
        again = None if again_us is None else to_text(again_us)
        trouble = {"failures": circuit.failures, "next_attempt": again}
    return {
        "kind": app.settings.remote.kind,
        "last_success": circuit.last_success_us and to_text(circuit.last_success_us),
        "last_error": error
        and {"class": error.kind, "message": error.message, "at": to_text(error.at_us)},
        "circuit": "closed" if circuit.state == "closed" else "open",
        "paused": circuit.paused and circuit.paused.message,
        **trouble,
    }


def _agent_json(app: App, found: "Condition") -> dict[str, object]:
    from journal.times import to_text

    failed, error = found.model_failures, None
    if failed.number:
        error = {"class": failed.kind, "message": failed.message, "at": to_text(failed.last_us)}
    return {
        "kind": app.settings.memory.agent,
        "failures": failed.number,
        "last_error": error,
        **({"calls_24h": found.model_calls} if found.model_calls else {}),
    }
