"""How results are printed: JSON one object a line, tables for people, colours on terminals only."""

import os
from typing import TYPE_CHECKING, Any

import click
import orjson

if TYPE_CHECKING:
    from rich.console import Console


def print_json(value: Any) -> None:
    """One JSON object on one line."""
    try:
        text = orjson.dumps(value).decode()
    except TypeError:  # nested too deeply, or a number beyond 64 bits
        import json

        text = json.dumps(value, separators=(",", ":"))
    click.echo(text)


def say(text: str, *, err: bool = False) -> None:
    """Print lines with text of others for people, without its control characters."""
    click.echo(clean(text), err=err)


def report(text: str, *, err: bool = False) -> None:
    """Print lines of a command that has more to do: a reader that leaves does not end it."""
    try:
        click.echo(text, err=err)
    except BrokenPipeError:
        with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - loads less
            os.dup2(nothing.fileno(), 2 if err else 1)


def console() -> "Console":
    """Standard output as a rich console; plain text if it is not a terminal or NO_COLOR is set."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def clean(text: str) -> str:
    """A text of others for a terminal: its lines, without control and invisible characters."""
    from journal import printable

    return printable.clean(text)
