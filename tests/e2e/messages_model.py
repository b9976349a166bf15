"""A model on loopback that answers the Messages API, as a stream, with what a script says.

A request with the tool Bash takes the script's next answer. Every other one, for a title or a
summary, gets a short text.
"""

import json
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from loopback import Handler, Loopback

REFUSAL = "the scripted model refuses"


class Call(NamedTuple):
    """A call of a tool."""

    tool: str
    given: dict[str, Any]


class Failure(NamedTuple):
    """An answer with this status and this error."""

    status: int
    kind: str


Answer = str | Call | list[Call] | Failure


class MessagesModel(Loopback):
    """The server. `script`: the answers to come; `requests`: what it was asked for them."""

    def __init__(self) -> None:
        self.script: list[Answer] = []
        self.requests: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._number = 0
        model = self

        class Answers(Handler):
            def posted(self, body: dict[str, Any]) -> None:
                if "count_tokens" in self.path:
                    self.send(b'{"input_tokens": 10}')
                    return
                answer, number = model.next(body)
                if isinstance(answer, Failure):
                    error = {"type": answer.kind, "message": REFUSAL}
                    data = json.dumps({"type": "error", "error": error}).encode()
                    self.send(data, status=answer.status)
                elif body.get("stream"):
                    data = b"".join(_events(body, answer, number))
                    self.send(data, "text/event-stream")
                else:
                    data = json.dumps(_message(body, _blocks(answer, number), number)).encode()
                    self.send(data)

        super().__init__(Answers)

    def next(self, body: dict[str, Any]) -> tuple[Answer, int]:
        """The answer to a request, and its number."""
        with self._lock:
            self._number += 1
            names = {tool.get("name") for tool in body.get("tools") or []}
            if "Bash" not in names:
                return "a short text", self._number
            self.requests.append(body)
            answer = self.script.pop(0) if self.script else "nothing more"
            if isinstance(answer, Failure):
                self.script.insert(0, answer)  # however often it is tried again
            return answer, self._number


def _blocks(answer: Answer, number: int) -> list[dict[str, Any]]:
    if isinstance(answer, str):
        return [{"type": "text", "text": answer}]
    calls = [answer] if isinstance(answer, Call) else list(answer)  # type: ignore[arg-type]
    return [
        {"type": "tool_use", "id": f"toolu_{number}_{i}", "name": call.tool, "input": call.given}
        for i, call in enumerate(calls)
    ]


def _message(body: dict[str, Any], blocks: list[dict[str, Any]], number: int) -> dict[str, Any]:
    reason = "tool_use" if blocks and blocks[0]["type"] == "tool_use" else "end_turn"
    usage = {"input_tokens": 10, "output_tokens": 5}
    return {
        "id": f"msg_{number}", "type": "message", "role": "assistant", "model": body.get("model"),
        "content": blocks, "stop_reason": reason, "stop_sequence": None, "usage": usage,
    }  # fmt: skip


def _events(body: dict[str, Any], answer: Answer, number: int) -> Iterator[bytes]:
    blocks = _blocks(answer, number)
    message = _message(body, blocks, number)
    begun = {**message, "content": [], "stop_reason": None}
    yield _event({"type": "message_start", "message": begun})
    for index, block in enumerate(blocks):
        empty = {**block, "text": ""} if "text" in block else {**block, "input": {}}
        delta = {"type": "text_delta", "text": block.get("text")}
        if "input" in block:
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield _event({"type": "content_block_start", "index": index, "content_block": empty})
        yield _event({"type": "content_block_delta", "index": index, "delta": delta})
        yield _event({"type": "content_block_stop", "index": index})
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield _event({"type": "message_delta", "delta": ended, "usage": message["usage"]})
    yield _event({"type": "message_stop"})


def _event(data: dict[str, Any]) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()
