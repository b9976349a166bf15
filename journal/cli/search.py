"""`journal search`: full text over prompts, answers, tool calls and summaries."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from journal.cli.app import App, pass_app
from journal.cli.output import print_json
from journal.cli.sessions import STATES, chosen_sessions
from journal.cli.tables import print_rich, screen, when
from journal.printable import one_line

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from sync.search import Found, Hit

KINDS = ("prompt", "answer", "input", "output", "summary")
_ONLY_WORDS = " (a search needs a letter or a digit)"


class _Words(click.Command):
    """Unknown options are words to search for (`--flag`), except those that look mistyped."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = [name for parameter in self.params for name in parameter.opts]
        for arg in args[: args.index("--")] if "--" in args else args:
            name = arg.partition("=")[0]
            if name.startswith("--") and name not in known:
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
@click.option("--here", is_flag=True, help="Only the project of the current directory.")
@click.option("--project", metavar="NAME", help="Only this project: its name, key or directory.")
@click.option("--branch", metavar="NAME", help="Only sessions on this branch.")
@click.option("--state", type=click.Choice(STATES), help="Only sessions in this state.")
@click.option("--agent", metavar="NAME", help="Only sessions of this agent.")
@click.option("--since", metavar="WHEN", help="Only what is newer: 2h, 3d, today, 2026-11-21.")
@click.option("--all", "with_all", is_flag=True, help="Also sessions that are not adopted.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many texts at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@pass_app
def search(app: App, /, words: tuple[str, ...], as_json: bool, **chosen: Any) -> None:
    """Search prompts, answers, tool calls and summaries.

    All words must occur in the text, in any order and case. "Quotes" keep words together, a *
    at the end finds beginnings, punctuation is taken as it stands. The best come first; of
    equal ones the newer.

    \b
    Examples:
      journal search rounding --here --since 7d
      journal search '"bank import" retry*' --kind prompt
      journal search src/money.py:12
    """
    from journal.errors import UsageError
    from sync import search as index
    from sync.terms import parse
    from sync.views.full_text import TextKind

    query = " ".join(words)
    if not query.strip():
        hint = "give some words, for example: journal search rounding --here"
        raise UsageError("nothing to search for", hint)
    kinds = tuple(TextKind[kind.upper()] for kind in chosen["kinds"]) or tuple(TextKind)
    wanted = index.Query(parse(query), chosen_sessions(app, chosen), kinds, chosen["limit"])
    with app.reading() as db:
        found = index.search(db, wanted, app.now_us)
    if not as_json:
        _print_text(found, query)
        return
    for hit in found.hits:
        print_json(hit_json(hit))


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
    }


def _print_text(found: "Found", query: str) -> None:
    out = screen()
    by_session: dict[str, list[Hit]] = {}
    for hit in found.hits:
        by_session.setdefault(hit.session, []).append(hit)
    for number, hits in enumerate(by_session.values()):
        if number:
            click.echo()
        print_rich(out, *_session_parts(hits, bold=out.color_system is not None))
    if not found.hits:
        words = any(map(str.isalnum, query))
        click.echo(f"Nothing found for: {one_line(query)[:200]}" + _ONLY_WORDS * (not words))
    if not found.complete:
        click.echo("There may be more: name rarer words or a filter (--here, --since, --kind).")


def _session_parts(hits: "list[Hit]", bold: bool) -> "Iterator[RenderableType]":
    """A heading, then a line for each text; equal ones once, with their number."""
    from rich.table import Table
    from rich.text import Text

    first = hits[0]
    title = one_line(first.title)
    names = (one_line(first.short_id), "cyan"), "  ", (one_line(first.project), "bold")
    yield Text.assemble(*names, f"  {title}", no_wrap=True, overflow="ellipsis")
    equal: dict[tuple[str, str], list[Hit]] = {}
    for hit in hits:
        equal.setdefault((hit.kind.name.lower(), hit.snippet.text), []).append(hit)
    table = Table.grid(padding=(0, 2, 0, 0))
    for (kind, _), same in equal.items():
        times = f" ({len(same)} times)" if len(same) > 1 else ""
        label = Text(f"  {kind:<7}  {when(same[0].at_us)}", style="dim", no_wrap=True)
        table.add_row(label, _marked(same[0], bold).append(times))
    yield table


def _marked(hit: "Hit", bold: bool) -> "Text":
    """The snippet with its matches in bold, or in [brackets] where nothing can be bold."""
    from rich.text import Text

    text, end = Text(), 0
    for start, stop in hit.snippet.marks:
        match = hit.snippet.text[start:stop]
        text.append(hit.snippet.text[end:start])
        text.append(match if bold else f"[{match}]", style="bold" if bold else None)
        end = stop
    return text.append(hit.snippet.text[end:])
