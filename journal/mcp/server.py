"""The server: the official SDK on stdin and stdout, one call at a time in a thread of its own."""

import os
from typing import Any

import anyio
import anyio.to_thread
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from journal import __version__
from journal.cli.app import App
from journal.errors import JournalError
from journal.mcp.answers import answer
from journal.mcp.arguments import TOOLS, schema
from journal.printable import one_line

_MOST_ERROR_CHARS = 900
_INSTRUCTIONS = (
    "The journal of earlier coding sessions on this machine. Ask it before you work out again how "
    "something is run here, why a file is as it is, or what helped against an error. What it "
    "returns is quoted from then: check it against the current files."
)


def serve(app: App) -> None:
    """Answer until stdin ends."""
    anyio.run(_serve, app)


async def _serve(app: App) -> None:
    one_at_a_time = anyio.CapacityLimiter(1)

    async def list_tools(_: Any, __: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=tools())

    async def call_tool(_: Any, called: types.CallToolRequestParams) -> types.CallToolResult:
        return await anyio.to_thread.run_sync(
            call, app, called.name, called.arguments or {}, limiter=one_at_a_time
        )

    server: Server[Any] = Server(
        "agent-journal",
        version=__version__,
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def tools() -> list[types.Tool]:
    """The tools' description for agents: each reads, changes nothing and asks no other service."""
    return [
        types.Tool(
            name=name,
            title=tool.title,
            description=tool.description,
            input_schema=schema(tool),
            annotations=types.ToolAnnotations(
                title=tool.title,
                read_only_hint=True,
                destructive_hint=False,
                idempotent_hint=True,
                open_world_hint=False,
            ),
        )
        for name, tool in TOOLS.items()
    ]


def call(app: App, name: str, values: dict[str, Any]) -> types.CallToolResult:
    """The answer of one call; an error is a line in words, never an end of the server."""
    try:
        text, failed = answer(app, os.environ, name, values), False
    except JournalError as error:
        text, failed = f"{error}" + (f" ({error.hint})" if error.hint else ""), True
    except Exception as error:  # the boundary: a bug is one line, too
        if os.environ.get("JOURNAL_DEBUG"):
            raise
        text, failed = f"unexpected {type(error).__name__}: {error}", True
    if failed:
        text = f"journal: {one_line(text)[:_MOST_ERROR_CHARS]}"
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)], is_error=failed
    )
