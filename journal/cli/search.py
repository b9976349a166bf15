"""`journal search`: full text over prompts, answers, tool calls and summaries."""

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from journal.cli.app import App, pass_app
from journal.cli.output import print_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from sync.search import Found, Hit, Wanted

KINDS = ("prompt", "answer", "input", "output", "summary")
_ONLY_WORDS = " (a search needs a letter or a digit)"
STATES = ("working", "awaiting", "idle", "finished")


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
@click.option("--project", metavar="NAME", help="Only this project, by its name or key.")
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

    query = " ".join(words)
    if not query.strip():
        hint = "give some words, for example: journal search rounding --here"
        raise UsageError("nothing to search for", hint)
    wanted = _wanted(app, chosen)
    with app.reading() as db:
        found = index.search(db, parse(query), wanted, app.now_us)
    if not as_json:
        _print_text(found, query)
        return
    for hit in found.hits:
        print_json(hit_json(hit))


def _wanted(app: App, chosen: dict[str, Any]) -> "Wanted":
    from sync.filters import Filters, moment_us
    from sync.search import Wanted
    from sync.views.full_text import TextKind

    filters = Filters(
        adopt_on=None if chosen["with_all"] else tuple(app.settings.sessions.adopt_on),
        here=project_here() if chosen["here"] else "",
        project=chosen["project"] or "",
        branch=chosen["branch"] or "",
        state=chosen["state"] or "",
        agent=chosen["agent"] or "",
    )
    return Wanted(
        filters=filters,
        kinds=tuple(TextKind[kind.upper()] for kind in chosen["kinds"]) or tuple(TextKind),
        since_us=moment_us(chosen["since"], app.now_us) if chosen["since"] else 0,
        limit=chosen["limit"],
    )


def project_here() -> str:
    """The key of the current directory's project."""
    import os
    from pathlib import Path

    from hooks.project import locate

    return locate(str(Path.cwd()), os.uname().nodename).key


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
    from journal.cli.output import console
    from journal.summary import plain

    screen = console()
    by_session: dict[str, list[Hit]] = {}
    for hit in found.hits:
        by_session.setdefault(hit.session, []).append(hit)
    for number, hits in enumerate(by_session.values()):
        if number:
            screen.print()
        _print_session(screen, hits)
    if not found.hits:
        words = any(map(str.isalnum, query))
        click.echo(f"Nothing found for: {plain(query, 60)}" + _ONLY_WORDS * (not words))
    if not found.complete:
        click.echo("There may be more: name rarer words or a filter (--here, --since, --kind).")


def _print_session(screen: "Console", hits: "list[Hit]") -> None:
    """A heading, then a line for each text; equal ones once, with their number."""
    from rich.text import Text

    from journal.summary import plain

    first = hits[0]
    title = f'"{plain(first.title, 120)}"' if first.title else ""
    heading = Text.assemble(
        (plain(first.short_id, 40), "bold cyan"), "  ", (plain(first.project, 40), "bold")
    )
    heading.append(f"  {title}" if title else "")
    if screen.is_terminal:
        heading.truncate(screen.width, overflow="ellipsis")
    screen.print(heading, soft_wrap=True)
    equal: dict[tuple[str, str], list[Hit]] = {}
    for hit in hits:
        equal.setdefault((hit.kind.name, hit.snippet.text), []).append(hit)
    for same in equal.values():
        _print_hit(screen, same[0], len(same))


def _print_hit(screen: "Console", hit: "Hit", times: int) -> None:
    from rich.text import Text

    from journal.times import to_datetime

    when = f"{to_datetime(hit.at_us).astimezone():%Y-%m-%d %H:%M}"
    label = f"  {hit.kind.name.lower():<8}{when}  "
    text = _marked(hit, bold=screen.color_system is not None)
    text.append(f" ({times} times)" if times > 1 else "")
    lines = [text]
    if screen.is_terminal:
        lines = list(text.wrap(screen, max(20, screen.width - len(label))))
    for number, line in enumerate(lines):
        start = Text(" " * len(label) if number else label, style="dim")
        screen.print(start + line, soft_wrap=True)


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
