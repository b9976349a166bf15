"""What `journal install` and `journal uninstall` did, in words."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from journal.setup.install import Installation, Removal
    from journal.setup.mcp_servers import Registration
    from journal.setup.service import ServiceChange


def installation_text(
    reports: "list[Installation]",
    autostart: bool,
    service: "ServiceChange | None" = None,
    absent: Sequence[str] = (),
) -> str:
    """What was changed, where the backups are, what leaves the machine, what to do next."""
    lines, first = [], reports[0]
    would = "would be " if first.dry_run else ""
    for report in reports:
        lines.append(f"{report.agent.label}: {_installed(report, would)}")
        lines += [f"  backup    {report.backup}"] if report.backup else []
        lines += [f"  replaced  the hooks of another home: {home}" for home in report.replaced]
    lines += [f"{label}: not found on this machine" for label in absent]
    lines += [f"  home      {first.home}", f"  run by    {first.interpreter}"]
    if any(report.programs for report in reports):
        lines.append(f"  programs  {would}copied to {first.home / 'hooks'}")
    lines.append(f"  watcher   {'starts with a session' if autostart else 'is not started'}")
    lines += _service_lines(service, would)
    lines.append("Nothing leaves this machine unless you configure a remote.")
    if first.dry_run:
        return "\n".join([*lines, "Nothing was written (--dry-run)."])
    program = first.agent.setup.program
    return "\n".join([*lines, f"Next: start {program} and work as always, then run: journal"])


def _installed(report: "Installation", would: str) -> str:
    if report.outcome == "unchanged":
        return f"Already installed: nothing to change in {report.settings}."
    return f"{report.settings} {would}{report.outcome}: {_hooks(report.events)} set"


def removal_text(
    reports: "list[Removal]",
    home: Path,
    service: "ServiceChange | None" = None,
    *,
    dry_run: bool = False,
) -> str:
    """What was taken out, and that the journal stays."""
    lines, would = [], "would be " if dry_run else ""
    for report in reports:
        if report.events:
            how = "changed" if dry_run or report.settings.exists() else "removed"
            said = f"{report.settings} {would}{how}: {_hooks(report.events)} removed"
        else:
            said = f"Not installed: no hook of the journal in {report.settings}."
        lines.append(f"{report.agent.label}: {said}")
        lines += [f"  backup    {report.backup}"] if report.backup else []
        lines += [f"  home      {other}" for other in report.homes if other != str(home)]
    if not reports:
        lines.append("Not installed: no hook of the journal in any agent.")
    lines += _service_lines(service, would)
    lines.append(f"What was recorded stays in {home}.")
    return "\n".join([*lines, *(["Nothing was written (--dry-run)."] if dry_run else [])])


def _service_lines(change: "ServiceChange | None", would: str) -> list[str]:
    """Where the service's file is, and what a person has to run because it could not be."""
    if change is None:
        return []
    said = "is unchanged" if change.outcome == "unchanged" else f"{would}{change.outcome}"
    lines = [f"  service   {change.path} {said}"]
    if change.left:
        lines.append(f"            {change.reason}; run it yourself:")
        lines += [f"            {shlex.join(command)}" for command in change.left]
    return lines


def _hooks(events: tuple[str, ...]) -> str:
    return f"{len(events)} {'hook' if len(events) == 1 else 'hooks'}"


def registration_text(done: "Registration", dry_run: bool) -> str:
    """One line of what was done with an agent's list of servers."""
    would = "would be " if dry_run and done.outcome != "unchanged" else ""
    said = "registered already" if done.outcome == "unchanged" else f"{would}{done.outcome}"
    backup = f", backup {done.backup.name}" if done.backup else ""
    return f"{done.agent.label}: journal mcp {said} ({done.path}{backup})"
