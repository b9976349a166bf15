"""`journal doctor`: what is right, what is wrong, and what to do about it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.screen.output import print_json

if TYPE_CHECKING:
    from journal.doctor import Finding

_MARKS = {"ok": "\u2713", "warning": "!", "error": "\u2717"}
_ASCII_MARKS = {"ok": "+", "warning": "!", "error": "x"}
_STYLES = {"ok": "green", "warning": "bold yellow", "error": "bold red"}


@click.command()
@click.option("--fix", is_flag=True, help="Repair what is safe to repair.")
@click.option(
    "--settings",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The agent's settings, if the hooks were installed into another file than the user's.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per check.")
@pass_app
def doctor(app: App, fix: bool, settings: Path | None, as_json: bool) -> None:
    """Check the installation and say what to do.

    Sends a test record through the installed hook, as the agent would, finds it in the database and
    deletes it. Exits with 1 if there is an error, and with 0 if there are only warnings.

    --fix corrects the permissions of the home, renews outdated or missing hooks (if any are
    installed), syncs the records in the spool, and replaces a damaged database if nothing is lost
    by that. Locks need no repair: a lock ends with its process.
    """
    from journal.cli.setup import doctor_checks
    from journal.doctor import Status, examine

    found: list[Finding] = []
    for name, check in doctor_checks.checks(app, settings):
        for finding in examine(name, check, fix=fix):
            found.append(finding)
            if as_json:
                print_json(finding_json(finding))
    if not as_json:
        _print_text(found, fix)
    if any(finding.status is Status.ERROR for finding in found):
        click.get_current_context().exit(1)


def finding_json(finding: "Finding") -> dict[str, object]:
    """A finding in the shape of the public interface."""
    return {
        "check": finding.check,
        "status": finding.status.value,
        "message": finding.message,
        "hint": finding.hint or None,
        "fixed": finding.fixed,
    }


def _print_text(found: "list[Finding]", fix: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from journal.cli.screen.tables import print_rich, screen

    marks = {name: _printable(mark, _ASCII_MARKS[name]) for name, mark in _MARKS.items()}
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for one in found:
        status = one.status.value
        said = f"repaired: {one.message}" if one.fixed else one.message
        mark = Text(marks[status], style=_STYLES[status])
        table.add_row(mark, Text(one.check), Text(_printable(said)))
        if one.hint:
            table.add_row("", "", Text(_printable(one.hint), style="dim"))
    print_rich(screen(), table, Text(_sum(found, fix), style="bold"))


def _sum(found: "list[Finding]", fix: bool) -> str:
    """How much is wrong, and what of it can be repaired."""
    from journal.doctor import count

    errors = sum(one.status == "error" for one in found)
    warnings = sum(one.status == "warning" for one in found)
    parts = [count(errors, "error")] if errors else []
    parts += [count(warnings, "warning")] if warnings else []
    text = f"{' and '.join(parts)}." if parts else "No problems."
    if not fix and any(one.repair for one in found):
        text += " To repair what is safe to repair: journal doctor --fix"
    return text


def _printable(text: str, instead: str | None = None) -> str:
    """One line that standard output can show; `instead`, if given, of what it cannot."""
    from journal.printable import one_line

    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    line = one_line(text)
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        return line.encode(encoding, "replace").decode(encoding) if instead is None else instead
    return line
