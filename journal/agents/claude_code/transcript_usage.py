"""Claude Code's transcripts: the tokens of each message, and what the agent itself counted.

A message has a line for each of its blocks, all with its id; the first may be written before the
message is whole. Some providers give no id, or one id to all messages: then the request, or what
went in, distinguishes messages.
"""

from collections.abc import Mapping
from typing import Any

from journal.agents.claude_code.transcript_lines import field, message
from journal.session.meaning import Usage

_SYNTHETIC = "<synthetic>"


def usage(fields: Mapping[str, Any]) -> Usage | None:
    """What a line says of its message's tokens."""
    said = message(fields).get("usage")
    model = field(message(fields), "model")
    if not isinstance(said, dict) or model == _SYNTHETIC:
        return None
    counts = (
        _count(said, "input_tokens"),
        _count(said, "output_tokens"),
        _count(said, "cache_read_input_tokens"),
        _count(said, "cache_creation_input_tokens"),
    )
    name = _identity(fields, counts)
    return Usage(name, model, *counts) if name else None


def _identity(fields: Mapping[str, Any], counts: tuple[int, int, int, int]) -> str:
    """The message's own id; its output may grow from line to line, what went in does not."""
    unique, request = field(message(fields), "id"), field(fields, "requestId")
    given, _, read, written = counts
    if unique:
        return f"{unique}/{request}/{given}.{read}.{written}"
    return request or field(fields, "uuid")


def totals(fields: Mapping[str, Any]) -> tuple[Usage, ...]:
    """What `cost-state` counts by model; it goes on over resumes and forks."""
    by_model = fields.get("modelUsage")
    found = []
    for model, said in by_model.items() if isinstance(by_model, dict) else ():
        if isinstance(said, dict):
            counts = (
                _count(said, "inputTokens"),
                _count(said, "outputTokens"),
                _count(said, "cacheReadInputTokens"),
                _count(said, "cacheCreationInputTokens"),
            )
            found.append(Usage("", str(model), *counts))
    return tuple(found)


def _count(said: Mapping[str, Any], key: str) -> int:
    value = said.get(key)
    return value if type(value) is int and 0 <= value < 2**53 else 0
