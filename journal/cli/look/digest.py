"""`journal digest`: what was asked, done and left open."""

from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.screen.output import print_json
from journal.printable import one_line

if TYPE_CHECKING:
    from journal.cli.screen.lines import Page
    from sync.query.digest import Done

_MOST_ASKED = 3
_INDENT = "    "


@click.command()
@click.option(
    "--since",
    default="today",
    show_default=True,
    metavar="WHEN",
    help="Only since this time: 2h, 3d, today, yesterday, 2026-11-21.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per project.")
@pass_app
def digest(app: App, since: str, as_json: bool) -> None:
    """Summarize by project what was asked, done and left open.

    \b
    Examples:
      journal digest
      journal digest --since yesterday
    """
    from journal.cli.screen.lines import Page
    from sync.query import digest as query
    from sync.query.filters import Filters, Wanted, moment_us

    wanted = Wanted(Filters(adopt_on=app.adopt_on), since_us=moment_us(since, app.now_us))
    with app.reading() as db:
        found = query.digest(db, wanted, app.adopt_on)
    if as_json:
        for project in found:
            print_json(project.json())
        return
    page = Page()
    for project in found:
        page.add(page.style(one_line(project.name) or "(no project)", bold=True))
        for one in project.sessions:
            _add(page, one, app.now_us)
        page.add("")
    if not found:
        page.add(f"Nothing since {one_line(since)}.")
    page.show()


def _add(page: "Page", one: "Done", now_us: int) -> None:
    """A session in a few lines."""
    from journal.cli.screen.lines import cut

    session = one.session
    name = one_line(session.short_id)
    title = cut(one_line(session.title) or "(no prompt)", page.columns - len(name) - 16)
    state = page.style(session.state_at(now_us), dim=True)
    page.add(f"  {page.style(name, fg='cyan')}  {title}  {state}")
    more = one.prompts - _MOST_ASKED
    asked = [*one.asked[:_MOST_ASKED], *([f"{more:,} more prompts"] if more > 0 else [])]
    parts = [("asked", asked), ("done", one.done.split("\n")), ("open", one.left.split("\n"))]
    for label, lines in parts:
        shown = [line for line in map(one_line, lines) if line]
        for number, line in enumerate(shown):
            head = label if not number else ""
            text = cut(line, page.columns - len(_INDENT) - 7)
            page.add(f"{_INDENT}{page.style(f'{head:<6}', dim=True)} {text}")
