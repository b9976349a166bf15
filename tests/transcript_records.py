"""Records in the shapes that Claude Code writes into its transcripts.

Source: tests/data/transcripts (2.1.329), the inventories of attachments, forks and damaged lines
that users have published, anthropics/claude-code#81843. Versions before 2.1.200 leave out some
fields, give the stop reason on the last record of a message alone, and count its output tokens up
from record to record.
"""

import random
import uuid
from datetime import UTC, datetime
from typing import Any, NamedTuple

Record = dict[str, Any]
OLD, NEW = "2.1.197", "2.1.329"
MODELS = ("claude-opus-5-5", "claude-haiku-4-5-20251001")
INTERRUPTED = "[Request interrupted by user for tool use]"
REFUSED = (
    "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was "
    "a file edit, the new_string was NOT written to the file). STOP what you are doing and wait "
    "for the user to tell you how to proceed."
)
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"


class Tokens(NamedTuple):
    """What one message of a model cost."""

    model: str
    input: int
    output: int
    cache_read: int
    cache_write: int

    def fields(self) -> Record:
        """The `usage` of a record."""
        return {
            "input_tokens": self.input,
            "cache_creation_input_tokens": self.cache_write,
            "cache_read_input_tokens": self.cache_read,
            "output_tokens": self.output,
            "output_tokens_details": {"thinking_tokens": 0},
            "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
            "service_tier": "standard",
            "cache_creation": {
                "ephemeral_1h_input_tokens": 0,
                "ephemeral_5m_input_tokens": self.cache_write,
            },
            "inference_geo": "",
            "iterations": [],
            "speed": "standard",
        }


def stamp(at_us: int) -> str:
    """ISO 8601 with milliseconds, as in transcripts."""
    when = datetime.fromtimestamp(at_us // 1000 / 1000, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Talk:
    """A transcript that is being written: its records, its clock, what its records share."""

    def __init__(self, chance: random.Random, session: str, cwd: str, at_us: int, **more: Any):
        self.chance, self.session, self.cwd, self.at_us = chance, session, cwd, at_us
        self.branch, self.agent, self.prompt_id = "main", "", ""
        self.entrypoint, self.version, self.process = "cli", NEW, session
        self.__dict__.update(more)
        self.parent: str | None = None
        self.records: list[Record] = []

    @property
    def is_new(self) -> bool:
        """Whether the newest version writes."""
        return self.version == NEW

    def unique(self) -> str:
        """A UUID that chance decides."""
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def short(self, prefix: str, digits: int = 20) -> str:
        """An id as the model's side makes them."""
        return f"{prefix}_{self.chance.getrandbits(4 * digits):0{digits}x}"

    def tick(self, least_ms: int = 5, most_ms: int = 900) -> None:
        """Time goes on."""
        self.at_us += self.chance.randrange(least_ms, most_ms) * 1000

    def bare(self, kind: str, **fields: Any) -> Record:
        """A record without uuid, as the interface keeps for itself."""
        record = {"type": kind, **fields}
        if not kind.startswith("file-history"):
            record["sessionId"] = self.session
        if kind == "queue-operation":
            record["timestamp"] = stamp(self.at_us)
        self.records.append(record)
        return record

    def record(self, first: Record, last: Record | None = None, back_ms: int = 0) -> Record:
        """A record of the tree; `back_ms`: how far its time lies behind its neighbours'."""
        record: Record = {"parentUuid": self.parent, "isSidechain": bool(self.agent)}
        if first["type"] == "user" and self.prompt_id:
            record["promptId"] = self.prompt_id
        if self.agent:
            record["agentId"] = self.agent
        record |= first
        record |= {"uuid": self.unique(), "timestamp": stamp(self.at_us - back_ms * 1000)}
        record |= last or {}
        of_model = first["type"] == "assistant" or "sourceToolAssistantUUID" in record
        if self.is_new and self.entrypoint == "cli" and of_model:
            record["session_id"] = self.process  # of the process's first session, after /clear too
        record |= {"userType": "external", "entrypoint": self.entrypoint, "cwd": self.cwd}
        record |= {"sessionId": self.session, "version": self.version, "gitBranch": self.branch}
        self.parent = record["uuid"]
        self.records.append(record)
        return record

    def prompt(self, content: str | list[Record], **last: Any) -> Record:
        """What somebody typed."""
        self.prompt_id = self.unique()
        if self.is_new:
            typed = self.entrypoint == "cli"
            last = {
                "permissionMode": "auto" if typed else "default",
                **({"origin": {"kind": "human"}} if typed else {}),
                "promptSource": "typed" if typed else "sdk",
                "turnOrigin": "human" if typed else "sdk",
                **last,
            }
        return self.user(content, **last)

    def user(self, content: str | list[Record], **last: Any) -> Record:
        """Any record of the user's side."""
        back_ms = last.pop("back_ms", 0)
        first = {"type": "user", "message": {"role": "user", "content": content}}
        return self.record(first, last, back_ms)

    def message(self, blocks: list[Record], stop: str, tokens: Tokens) -> tuple[str, list[Record]]:
        """One answer of the model, a record for each block; the message's id and the records."""
        unique, request = self.short("msg"), self.short("req", 12)
        grows = not self.is_new and len(blocks) > 1
        made = []
        for at, block in enumerate(blocks):
            last = at == len(blocks) - 1
            known = tokens if last or not grows else tokens._replace(output=1)
            message = {
                "id": unique,
                "type": "message",
                "role": "assistant",
                "model": tokens.model,
                "content": [block],
                "stop_reason": stop if last or self.is_new else None,
                "stop_sequence": None,
                "usage": known.fields(),
            }
            more: Record = {"requestId": request}
            if self.is_new:
                more = {"apiBlockIndex": at, **more, "requestedModel": tokens.model}
            if self.agent:
                more["attributionAgent"] = "general-purpose"
            self.tick(1, 60)
            made.append(self.record({"message": message, **more, "type": "assistant"}))
        return unique, made

    def result(self, call: str, source: str, content: Any, told: Any, **last: Any) -> Record:
        """The result of a call. `told`: `toolUseResult`, which sub-agents' files do not have."""
        block: Record = {"tool_use_id": call, "type": "tool_result", "content": content}
        if "is_error" in last:
            block["is_error"] = last.pop("is_error")
        more = {} if self.agent or told is None else {"toolUseResult": told}
        more["sourceToolAssistantUUID"] = source
        made = self.user([block], **more, **last)
        self.parent = made["uuid"]
        return made

    def attachment(self, kind: str, **fields: Any) -> Record:
        """What the agent adds to the talk itself."""
        return self.record({"attachment": {"type": kind, **fields}, "type": "attachment"})

    def system(self, subtype: str, **fields: Any) -> Record:
        """A note of the agent's about the talk."""
        return self.record({"type": "system", "subtype": subtype, **fields})

    def turn_end(self) -> None:
        """The notes at the end of a turn; print mode has no duration."""
        infos = [{"command": "journal-hook Stop", "durationMs": self.chance.randrange(20, 90)}]
        quiet: Record = {"hookErrors": [], "preventedContinuation": False, "stopReason": ""}
        self.system("stop_hook_summary", hookCount=1, hookInfos=infos, **quiet, hasOutput=False)
        if self.entrypoint == "cli":
            taken_ms = self.chance.randrange(500, 90_000)
            self.system("turn_duration", durationMs=taken_ms, messageCount=len(self.records))
