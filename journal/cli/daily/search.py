"""`journal search`: full text over prompts, answers, tool calls and summaries."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from journal.cli.app import App, pass_app
from journal.cli.filters import (
    AtLeast,
    archive_options,
    check_owner,
    chosen_calls,
    chosen_sessions,
    chosen_times,
    session_options,
)
from journal.cli.screen.output import print_json
from journal.printable import one_line

if TYPE_CHECKING:
    import apsw

    from journal.cli.screen.lines import Page
    from sync.query.candidates import Query
    from sync.query.search import Found, Hit

KINDS = ("prompt", "answer", "thinking", "input", "output", "summary")
_ONLY_WORDS = " (a search needs a letter or a digit)"
_MORE = "There may be more: --limit {} shows it, rarer words or a filter (--here, --since) find it."
_FILTERS = ("kinds", "tool", "file", "here", "project", "branch", "agent", "host", "state")


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
    help="Only in this kind of text; can be repeated.",
)
@click.option(
    "--tool", metavar="NAME", help="Only calls of this tool; mcp__* matches names with this prefix."
)
@click.option(
    "--file",
    metavar="PATH",
    help="Only calls that read or changed this file (a path, or its end).",
)
@session_options
@archive_options
@click.option(
    "--limit",
    type=AtLeast(1),
    metavar="N",
    default=20,
    help="Maximum number of hits (default: 20).",
)
@click.option("--after", metavar="CURSOR", help="Continue after a hit: its `cursor` in the JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@pass_app
def search(app: App, /, words: tuple[str, ...], as_json: bool, **chosen: Any) -> None:
    """Search prompts, answers, tool calls and summaries.

    All words must occur in the text, in any order and case. "Quotes" keep words together, a *
    at the end finds beginnings, punctuation is matched literally. Best matches first, then
    newest. A filter without words lists everything that matches it, newest first.
    `journal show --around EVENT` shows the conversation around a hit.

    \b
    Examples:
      journal search rounding --here --since 7d
      journal search '"bank import" retry*' --kind prompt
      journal search src/money.py:12 --tool Bash
      journal search --file money.py
    """
    from journal.errors import UsageError

    query = " ".join(words)
    has_filter = any(chosen[name] for name in _FILTERS)
    on_terminal = not as_json and sys.stdout.isatty() and sys.stdin.isatty()
    if not words and not has_filter and on_terminal:
        from journal.cli.browsing import browse_here

        browse_here(app)
        return
    if not query.strip() and (words or not has_filter):
        hint = "give some words or a filter, for example: journal search rounding --here"
        raise UsageError("nothing to search for", hint)
    check_owner(chosen)
    _search(app, query, chosen, as_json=as_json)


def _search(app: App, query: str, chosen: dict[str, Any], *, as_json: bool) -> None:
    from journal.session.texts import TextKind
    from sync.query import search as index
    from sync.query.candidates import ENDLESS_US, Query
    from sync.query.cursors import Cursor
    from sync.query.terms import parse

    in_archive = chosen["in_archive"]
    follows = chosen["after"] is not None and not in_archive
    after = Cursor.of(chosen["after"]) if follows else None
    now_us = after.now_us if after else app.now_us
    since_us, until_us = chosen_times(chosen, now_us)
    wanted = Query(
        parse(query),
        chosen_sessions(app, chosen),
        kinds=tuple(TextKind[kind.upper()] for kind in chosen["kinds"]) or tuple(TextKind),
        limit=chosen["limit"],
        since_us=-ENDLESS_US if since_us is None else since_us,
        until_us=ENDLESS_US if until_us is None else until_us,
        calls=chosen_calls(app, chosen),
        without_words=not query,
    )
    if in_archive:
        _search_archive(app, wanted, query, chosen, as_json=as_json)
        return
    with app.reading(ends_matter=chosen["state"] is not None) as db:
        found = index.search(db, wanted, now_us, after)
        if as_json:
            _print_json(found)
        else:
            _print_text(found, query, chosen["limit"])
        if not (found.hits or found.more or after):
            for hint in _hints(app, db, wanted, now_us):  # after the answer: to find one takes time
                click.echo(f"journal: {hint}", err=True)


def _hints(app: App, db: "apsw.Connection", query: "Query", now_us: int) -> Iterator[str]:
    """What was mistyped, or what would find something."""
    from sync.checkup.earlier_sessions import not_imported
    from sync.query import search as index
    from sync.query.filters import Filters, Wanted
    from sync.query.hints import suggestions, unknown

    yield from unknown(db, query.sessions, query.calls)
    if near := suggestions(db, query.terms):
        yield f"try {' or '.join(near)}"
    elsewhere = query._replace(sessions=Wanted(Filters(app.adopt_on)), calls=None, limit=1)
    if elsewhere != query._replace(limit=1) and query.terms:
        hits = index.search(db, elsewhere, now_us).hits
        yield from (f"found in {one_line(hit.project)} without the filters" for hit in hits)
    if earlier := not_imported(app.layout, app.transcript_roots):
        yield f"{earlier} (run: journal import)"


def _print_json(found: "Found") -> None:
    for hit in found.hits:
        print_json(hit_json(hit))
    if found.more and not found.hits:
        click.echo(f"journal: no hit so far (to continue: --after {found.more})", err=True)


def _search_archive(
    app: App, wanted: "Query", query: str, chosen: dict[str, Any], *, as_json: bool
) -> None:
    """Search in the team archive: the newest texts first. JournalError: it does not answer."""
    from sync.query.search import Found
    from sync.team_archive.search import search as search_archive

    with app.team_archive() as archive:
        found = search_archive(archive, wanted, chosen["owner"] or "", chosen["after"])
    if as_json:
        for one in found:
            print_json({**hit_json(one.hit), "owner": one.owner})
        return
    named = [one.hit._replace(project=f"{one.owner}: {one.hit.project}") for one in found]
    _print_text(Found(named, None), query, chosen["limit"], in_archive=True)


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


def _print_text(found: "Found", query: str, limit: int, *, in_archive: bool = False) -> None:
    from journal.cli.screen.lines import Page

    page = Page()
    by_session: dict[str, list[Hit]] = {}
    for hit in found.hits:
        by_session.setdefault(hit.session, []).append(hit)
    for hits in by_session.values():
        _add_session(page, hits)
        page.add("")
    if not found.hits:
        said = f" for: {one_line(query)[:200]}" if query.strip() else "."
        is_odd = query.strip() and not any(map(str.isalnum, query))
        page.add(f"Nothing found{said}{_ONLY_WORDS if is_odd else ''}")
    event = next((hit.short_event_id for hit in found.hits if hit.event_id), "")
    if event and not in_archive:
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
    columns = page.columns - len(name + project) - 2 * len(GAP)
    title = cut(one_line(first.title), max(1, columns))
    page.add(GAP.join((page.style(name, fg="cyan"), page.style(project, bold=True), title)))
    equal: dict[tuple[str, str], list[Hit]] = {}
    for hit in hits:
        equal.setdefault((hit.kind.name.lower(), hit.snippet.text), []).append(hit)
    for (kind, _), same in equal.items():
        hit = same[0]
        parts = [f"  {kind:<8}", when(hit.at_us), hit.short_event_id]
        parts += [f"({len(same)} times)"] if len(same) > 1 else []
        page.add(page.style(GAP.join(parts), dim=True))
        page.marked(hit.snippet.text, hit.snippet.marks, indent="    ")
