"""What `sync` reports of a pass, as text and as JSON."""

from typing import TYPE_CHECKING

from journal.cli.app import App

if TYPE_CHECKING:
    from sync.delivery.order import Delivered
    from sync.memory.stage import Asked
    from sync.rebuild.rebuild import Rebuilt
    from sync.report import Report
    from sync.slow_stages import Outside


def report_text(report: "Report", seconds: float) -> str:
    """The report in one to three lines."""
    packed = ended_text(report) + packed_text(report)
    if report.rebuilt:
        return rebuilt_text(report.rebuilt, seconds) + packed
    if not report.read:
        return f"Nothing new ({seconds:.1f} s).{packed}"
    ids = "memory id" if report.resolved == 1 else "memory ids"
    copied = f" ({report.copied:,} of them from transcripts)" if report.copied else ""
    wanted = report.stored or not report.resolved
    parts = [f"{report.stored:,} stored{copied}"] if wanted else []
    parts += [f"{report.resolved:,} {ids} resolved"] if report.resolved else []
    parts += [f"{report.duplicate:,} known already"] if report.duplicate else []
    parts += [f"{report.excluded:,} excluded by the configuration"] if report.excluded else []
    parts += [f"{report.rejected:,} refused, kept in dead/"] if report.rejected else []
    records = "record" if report.read == 1 else "records"
    sessions = "session" if report.summaries == 1 else "sessions"
    return (
        f"Read {report.read:,} {records} in {seconds:.1f} s: {', '.join(parts)}."
        f"\n{report.summaries:,} {sessions} updated.{packed}"
    )


def ended_text(report: "Report") -> str:
    """What became of old sessions, on a line of its own; empty if nothing did."""
    deleted = len(report.pruned.sessions)
    parts = [f"{report.ended:,} marked finished"] if report.ended else []
    parts += [f"{deleted:,} deleted by retention"] if deleted else []
    return f"\nSessions: {', '.join(parts)}." if parts else ""


def rebuilt_text(rebuilt: "Rebuilt", seconds: float) -> str:
    """What a rebuild made, and what came from where."""
    events = "event" if rebuilt.events == 1 else "events"
    text = f"The database was rebuilt in {seconds:.1f} s: {rebuilt.events:,} {events}"
    if not rebuilt.taken_over:
        return text + ", all from the journal."
    records = "record" if rebuilt.taken_over == 1 else "records"
    return f"{text}.\n{rebuilt.taken_over:,} {records} that only the old one had."


def rebuilt_json(report: "Report") -> dict[str, object] | None:
    """What a rebuild did; null if there was none."""
    rebuilt = report.rebuilt
    if rebuilt is None:
        return None
    return {
        "events": rebuilt.events,
        "taken_over": rebuilt.taken_over,
        "lost": rebuilt.lost or None,
        "kept": str(rebuilt.kept) if rebuilt.kept else None,
    }


def rebuild_problems(report: "Report") -> list[str]:
    """What people must know of a rebuild, apart from its success."""
    rebuilt = report.rebuilt
    if rebuilt is None:
        return []
    lost = [rebuilt.lost] if rebuilt.lost else []
    kept = [f"the damaged database is kept as {rebuilt.kept}"] if rebuilt.kept else []
    return [*lost, *rebuilt.problems, *kept]


def packed_text(report: "Report") -> str:
    """What became of closed days, on a line of its own; empty if nothing did."""
    packed = report.packed
    if not packed.days:
        return ""
    days = "day" if len(packed.days) == 1 else "days"
    before, after = (size / 1e6 for size in (packed.bytes_before, packed.bytes_after))
    return f"\nPacked {len(packed.days):,} closed {days}: {before:.1f} MB are {after:.1f} MB now."


def remote_text(done: "Delivered") -> str:
    """What became of pieces for the remote, on a line of its own; empty if there were none."""
    parts = [f"{done.sent:,} sent"] if done.sent else []
    parts += [f"{done.pending:,} accepted, the remote is processing them"] if done.pending else []
    parts += [f"{done.failed:,} failed"] if done.failed else []
    parts += [f"{done.dead:,} given up, kept in dead/"] if done.dead else []
    other = f" ({done.elsewhere:,} for another remote)" if done.elsewhere else ""
    parts += [f"{done.waiting:,} waiting in retry/{other}"] if done.waiting else []
    return f"\nRemote: {', '.join(parts)}." if parts else ""


def model_text(asked: "Asked") -> str:
    """What became of the questions to a model, on a line of its own; empty if there were none."""
    if not asked.asked and not asked.waiting:
        return ""
    sessions = "session" if asked.answered == 1 else "sessions"
    waiting = f"; {asked.waiting:,} still to be summarized" if asked.waiting else ""
    return f"\nThe memory agent summarized {asked.answered:,} {sessions}{waiting}."


def report_json(
    app: App, report: "Report", outside: "Outside", seconds: float
) -> dict[str, object]:
    """The report in the shape of the public interface."""
    from sync.checkup.home_status import memory_ids
    from sync.store import connection

    pending = 0
    if app.settings.memory.agent != "builtin":  # which leaves none without one
        db = connection.open_store(app.layout)
        try:
            pending = memory_ids(db, tuple(app.settings.sessions.adopt_on)).pending
        finally:
            db.close()
    return {
        "records": report.counts,
        "memory_ids": {"resolved": report.resolved, "pending": pending},
        "summaries": report.summaries,
        "remote": outside.said()["remote"],
        "sessions": {
            "adopted": report.adopted,
            "reaped": report.ended,
            "deleted": len(report.pruned.sessions),
        },
        "pruned": {
            **report.pruned.counts,
            "days": len(report.packed.days) + len(report.pruned.days),  # out of the journal
        },
        "seconds": round(seconds, 3),
        "rebuilt": rebuilt_json(report),
        "model": outside.said()["model"],
    }
