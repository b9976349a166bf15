"""`journal search`: full text over prompts, answers, tool calls and summaries."""

from typing import TYPE_CHECKING, Any

import click

from journal.cli.app import App, pass_app
from journal.cli.filters import (
    AtLeast,
    chosen_calls,
    chosen_sessions,
    chosen_times,
    session_options,
)
from journal.cli.screen.output import print_json
from journal.printable import one_line

if TYPE_CHECKING:
    from journal.cli.screen.lines import Page
    from sync.query.search import Found, Hit

KINDS = ("prompt", "answer", "thinking", "input", "output", "summary")
_ONLY_WORDS = " (a search needs a letter or a digit)"
_MORE = "There may be more: --limit {} shows it, rarer words or a filter (--here, --since) find it."


class _Words(click.Command):
    """Unknown options are words to search for (`--flag`), except those that look mistyped."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = [name for parameter in self.params for name in parameter.opts]
        for arg in args[: args.index("--")] if "--" in args else args:
            name = arg.partition("=")[0]
            if name.startswith("--") and name not in known:
                from difflib import get_close_matches

                close = get_close_matches(name, known, n=1, cutoff=0.75)
                if close:
                    hint = f"Did you mean {close[0]}? To search for it: journal search -- {name}"
                    raise click.UsageError(f"No such option: {name}. {hint}", ctx)
        return super().parse_args(ctx, args)


@click.command(cls=_Words, context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, metavar="QUERY...")
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(KINDS),
    multiple=True,
    help="Only in this kind of text; may be given more than once.",
)
@click.option(
    "--tool", metavar="NAME", help="Only calls of this tool; mcp__* means all that begin so."
)
@click.option(
    "--file", metavar="PATH", help="Only calls that read or changed this file; its end is enough."
)
@session_options
@click.option(
    "--limit",
    type=AtLeast(1),
    metavar="N",
    default=20,
    help="How many texts at most (default: 20).",
)
@click.option("--after", metavar="CURSOR", help="Go on behind a hit: its `cursor` in the JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@pass_app
def search(app: App, /, words: tuple[str, ...], as_json: bool, **chosen: Any) -> None:
    """Search prompts, answers, tool calls and summaries.

    All words must occur in the text, in any order and case. "Quotes" keep words together, a *
    at the end finds beginnings, punctuation is taken as it stands. The best come first; of
    equal ones the newer. `journal show --around EVENT` reads on where a text stands.

    \b
    Examples:
      journal search rounding --here --since 7d
      journal search '"bank import" retry*' --kind prompt
      journal search src/money.py:12 --tool Bash
      journal search quantize --file money.py
    """
    from journal.errors import UsageError
    from sync.query import search as index
    from sync.query.candidates import ENDLESS_US, Query
    from sync.query.cursors import Cursor
    from sync.query.terms import parse
    from sync.views.texts import TextKind

    query = " ".join(words)
    if not query.strip():
        hint = "give some words, for example: journal search rounding --here"
        raise UsageError("nothing to search for", hint)
    after = Cursor.of(chosen["after"]) if chosen["after"] is not None else None
    now_us = after.now_us if after else app.now_us
    since_us, until_us = chosen_times(chosen, now_us)
    wanted = Query(
        parse(query),
        chosen_sessions(app, chosen),
        kinds=tuple(TextKind[kind.upper()] for kind in chosen["kinds"]) or tuple(TextKind),
        limit=chosen["limit"],
        since_us=-ENDLESS_US if since_us is None else since_us,
        until_us=ENDLESS_US if until_us is None else until_us,
        calls=chosen_calls(chosen),
    )
    with app.reading(ends_matter=chosen["state"] is not None) as db:
        found = index.search(db, wanted, now_us, after)
        if not found.hits and not found.more:
            _tell_earlier(app)
        if not as_json:
            _print_text(found, query, chosen["limit"])
            return
    for hit in found.hits:
        print_json(hit_json(hit))
    if found.more and not found.hits:
        click.echo(f"journal: nothing yet; --after {found.more} looks on", err=True)


def _tell_earlier(app: App) -> None:
    """Nothing was found: perhaps it is in sessions that were not imported."""
    from sync.checkup.earlier_sessions import not_imported

    if earlier := not_imported(app.layout):
        click.echo(f"journal: {earlier} (run: journal import)", err=True)


def hit_json(hit: "Hit") -> dict[str, object]:
    """A hit in the shape of the public interface; `marks` are [start, end) in the snippet."""
    from journal.times import to_text

    return {
        "session": hit.session,
        "event_id": hit.event_id.hex() if hit.event_id else None,
        "at": to_text(hit.at_us),
        "kind": hit.kind.name.lower(),
        "project": hit.project,
        "snippet": hit.snippet.text,
        "marks": hit.snippet.marks,
        "agent": hit.agent,
        "title": hit.title,
        "cursor": hit.cursor,
    }


def _print_text(found: "Found", query: str, limit: int) -> None:
    from journal.cli.screen.lines import Page

    page = Page()
    by_session: dict[str, list[Hit]] = {}
    for hit in found.hits:
        by_session.setdefault(hit.session, []).append(hit)
    for hits in by_session.values():
        _add_session(page, hits)
        page.add("")
    if not found.hits:
        words = any(map(str.isalnum, query))
        page.add(f"Nothing found for: {one_line(query)[:200]}" + _ONLY_WORDS * (not words))
    event = next((hit.short_event_id for hit in found.hits if hit.event_id), "")
    if event:
        page.add(f"To read on: journal show --around {event}")
    if found.more:
        page.add(_MORE.format(2 * limit))
    page.show()


def _add_session(page: "Page", hits: "list[Hit]") -> None:
    """A heading, then each text with its kind, time and event; equal ones once."""
    from journal.cli.screen.lines import cut
    from journal.cli.screen.tables import GAP, when

    first = hits[0]
    name, project = one_line(first.short_id), one_line(first.project)
    title = cut(one_line(first.title), page.columns - len(name + project) - 2 * len(GAP))
    heading = (page.style(name, fg="cyan"), page.style(project, bold=True), title)
    page.add(GAP.join(heading))
    equal: dict[tuple[str, str], list[Hit]] = {}
    for hit in hits:
        equal.setdefault((hit.kind.name.lower(), hit.snippet.text), []).append(hit)
    for (kind, _), same in equal.items():
        hit = same[0]
        parts = [f"  {kind:<8}", when(hit.at_us), hit.short_event_id]
        parts += [f"({len(same)} times)"] if len(same) > 1 else []
        page.add(page.style(GAP.join(parts), dim=True))
        page.marked(hit.snippet.text, hit.snippet.marks, indent="    ")
