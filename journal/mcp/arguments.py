"""The tools and their arguments: what an agent reads before it calls one, and what is accepted."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from journal.errors import UsageError
from journal.printable import one_line

DEFAULT_CHARS = 12_000
LEAST_CHARS = 1_000
MOST_CHARS = 100_000
_MOST_TEXT_CHARS = 4_000

_Text = Annotated[str, Field(max_length=_MOST_TEXT_CHARS)]


class _Common(BaseModel):
    model_config = ConfigDict(extra="forbid")

    agent: _Text = Field("", description="Only sessions of this agent, such as claude-code.")
    since: _Text = Field(
        "", description="Only what happened from then on: 2h, 3d, yesterday, 2026-11-21."
    )
    max_chars: int = Field(
        DEFAULT_CHARS,
        ge=LEAST_CHARS,
        le=MOST_CHARS,
        description="The whole answer has at most so many characters.",
    )
    after: _Text = Field(
        "",
        description="To read on: the value that the last line of the answer before says. "
        "All other arguments as before.",
    )


class _InProject(_Common):
    project: _Text = Field(
        "",
        description="A project's name or directory, * for all; empty means the one of the "
        "server's working directory.",
    )


class Search(_InProject):
    """Arguments of `search`."""

    query: _Text = Field(
        min_length=1,
        description='Words that a text must hold, in any order; "quoted phrases"; beginnings*. '
        "If no text has all of them, other forms of them count, then the rarest decide; what is "
        "quoted is matched literally.",
    )
    session: _Text = Field("", description="Only this session: its id or a prefix of it.")
    path: _Text = Field(
        "", description="Only tool calls that read or changed this file; its last parts do."
    )


class Session(_Common):
    """Arguments of `session`."""

    session: _Text = Field(
        min_length=1, description="The session's id or a prefix of it, as other tools return it."
    )


class Recent(_InProject):
    """Arguments of `recent`."""


class FileHistory(_InProject):
    """Arguments of `file_history`."""

    path: _Text = Field(min_length=1, description="A path, or its last parts such as src/money.py.")


class CommandHistory(_InProject):
    """Arguments of `command_history`."""

    query: _Text = Field(
        "", description="Words of the command, such as pytest billing; empty means the latest."
    )


class ErrorHistory(_InProject):
    """Arguments of `error_history`."""

    query: _Text = Field(
        min_length=1,
        description="The error message, or the words of it that are always the same.",
    )


Arguments = Search | Session | Recent | FileHistory | CommandHistory | ErrorHistory


class Tool(NamedTuple):
    """The description of a tool, for agents."""

    title: str
    description: str
    arguments: type[Arguments]


TOOLS: Mapping[str, Tool] = {
    "search": Tool(
        "Search earlier sessions",
        "Searches prompts, answers, tool calls and summaries of earlier coding sessions. Use it "
        "before you work out again what may have been found out already.",
        Search,
    ),
    "session": Tool(
        "Read an earlier session",
        "Shows one earlier session: first an outline, then, with `after`, its conversation "
        "page by page.",
        Session,
    ),
    "recent": Tool(
        "The latest sessions",
        "Says what the latest sessions of this project asked for, learned, did and left open.",
        Recent,
    ),
    "file_history": Tool(
        "Which sessions worked on a file",
        "Shows which earlier sessions read or changed a file, why, and how they changed it.",
        FileHistory,
    ),
    "command_history": Tool(
        "How a command was run before",
        "Shows how a command was run in this project and how it ended; what passed last comes "
        "first. Use it before you guess how tests, builds or servers are started here.",
        CommandHistory,
    ),
    "error_history": Tool(
        "What helped against an error",
        "Shows what was done after this error message in sessions where the same command then "
        "passed. Use it when a command fails.",
        ErrorHistory,
    ),
}


def schema(tool: Tool) -> dict[str, Any]:
    """The JSON schema of a tool's arguments, without the names that pydantic adds."""
    made = tool.arguments.model_json_schema()
    made.pop("title", None)
    made.pop("description", None)
    for field in made["properties"].values():
        field.pop("title", None)
    return made


def parse(name: str, values: Mapping[str, Any]) -> Arguments:
    """The arguments of a call. UsageError: no such tool, or a bad argument, which is named."""
    if name not in TOOLS:
        raise UsageError(f"unknown tool: {one_line(name)[:60]}", f"known: {', '.join(TOOLS)}")
    try:
        return TOOLS[name].arguments.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = one_line(".".join(map(str, first["loc"])))[:60] or "arguments"
        hint = f"arguments of {name}: {', '.join(TOOLS[name].arguments.model_fields)}"
        raise UsageError(f"{where}: {first['msg']}", hint) from error
