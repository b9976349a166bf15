"""A model on loopback that does what is written down: some calls, one after the other, a sentence.

It answers the APIs of OpenAI (chat completions and responses) and of Gemini, as a stream or whole,
and keeps what it was asked.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from loopback import Handler, Loopback

COMMAND = "echo from the scripted model"
FILE = "notes.txt"
ANSWER = "All done: the command was run."
_SHELLS = ("exec_command", "shell_command", "shell", "bash", "run_shell_command")
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


class ScriptedModel(Loopback):
    """The server; `requests`: the body of each request, oldest first.

    Each step of its script makes a call of the tools it is offered; None: none of them fits.
    """

    def __init__(self, *script: "Step") -> None:
        steps = script or (_shell, _edit)
        self.requests: list[dict[str, Any]] = []
        self.folder = ""  # where the new file goes
        model = self

        class Answers(Handler):
            def got(self) -> None:
                self.send(b'{"object":"list","data":[{"id":"m1","object":"model"}]}')

            def posted(self, body: dict[str, Any]) -> None:
                model.requests.append(body)
                kind, answer = reply(self.path, body, _next_call(body, steps, model.folder))
                self.send(answer, kind)

        super().__init__(Answers)


def reply(path: str, body: dict[str, Any], call: "Call | None") -> tuple[str, bytes]:
    """Content type and body of an answer."""
    if path.endswith("/responses"):
        return "text/event-stream", b"".join(_responses(call))
    if "GenerateContent" in path or "generateContent" in path:
        return _gemini(path, call)
    return _chat(body, call)


class Call(NamedTuple):
    """A tool call.

    `words`: the whole input of a tool that takes a text; `space`: of a tool within a namespace.
    """

    name: str
    arguments: dict[str, Any]
    words: str = ""
    space: str = ""


Tools = dict[str, dict[str, Any]]  # by name, as the request describes them
Step = Callable[[Tools, str], Call | None]


def _next_call(body: dict[str, Any], steps: Sequence[Step], folder: str) -> Call | None:
    """What is to be called next; None: all calls were made, or there are no such tools."""
    history = json.dumps(body)
    done = sum(history.count(sign) for sign in _RESULTS)
    tools = {_name(tool): tool for tool in _tools(body)}
    return steps[done](tools, folder) if done < len(steps) else None


def _shell(tools: Tools, folder: str) -> Call | None:
    name = next((name for name in _SHELLS if name in tools), None)
    if name is None:
        return None
    given = json.dumps(tools[name])
    if '"cmd"' in given:
        return Call(name, {"cmd": COMMAND})
    is_list = name == "shell" and '"array"' in given
    arguments: dict[str, Any] = {"command": ["sh", "-c", COMMAND] if is_list else COMMAND}
    return Call(name, arguments | {"description": "Runs a command"})


def _edit(tools: Tools, folder: str) -> Call | None:
    path, text = f"{folder}/{FILE}", "made by the scripted model\n"
    if "apply_patch" in tools:
        patch = f"*** Begin Patch\n*** Add File: {FILE}\n+{text}*** End Patch\n"
        return Call("apply_patch", {"input": patch}, patch)
    if "create" in tools:
        return Call("create", {"path": path, "file_text": text})
    if "write" in tools:
        return Call("write", {"filePath": path, "content": text})
    if "write_file" in tools:
        return Call("write_file", {"file_path": path, "content": text})
    return None


_RESULTS = (
    '"role": "tool"', '"function_call_output"', '"custom_tool_call_output"', '"functionResponse"'
)  # fmt: skip


def _tools(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for tool in body.get("tools") or []:
        yield from tool.get("functionDeclarations") or [tool]


def _name(tool: dict[str, Any]) -> str:
    return str(tool.get("name") or (tool.get("function") or {}).get("name"))


def _event(data: dict[str, Any]) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


def _responses(call: Call | None) -> Iterator[bytes]:
    item: dict[str, Any] = {
        "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": ANSWER, "annotations": []}],
    }  # fmt: skip
    if call is not None:
        item = {
            "type": "function_call", "id": "fc_1", "call_id": f"call_{call.name}",
            "name": call.name, "arguments": json.dumps(call.arguments), "status": "completed",
        }  # fmt: skip
        if call.space:
            item["namespace"] = call.space
        if call.words:
            item = {
                "type": "custom_tool_call", "id": "ct_1", "call_id": f"call_{call.name}",
                "name": call.name, "input": call.words, "status": "completed",
            }  # fmt: skip
    usage = {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}
    response = {"id": "resp_1", "object": "response", "status": "completed", "output": [item]}
    yield _event({"type": "response.created", "response": {**response, "output": []}})
    yield _event({"type": "response.output_item.added", "output_index": 0, "item": item})
    yield _event({"type": "response.output_item.done", "output_index": 0, "item": item})
    yield _event({"type": "response.completed", "response": {**response, "usage": usage}})


def _chat(body: dict[str, Any], call: Call | None) -> tuple[str, bytes]:
    message: dict[str, Any] = {"role": "assistant", "content": ANSWER}
    if call is not None:
        function = {"name": call.name, "arguments": json.dumps(call.arguments)}
        tool = {"index": 0, "id": f"call_{call.name}", "type": "function", "function": function}
        message = {"role": "assistant", "content": None, "tool_calls": [tool]}
    why = "tool_calls" if call else "stop"
    common = {"id": "chatcmpl-1", "created": 1, "model": body.get("model", "m1")}
    if not body.get("stream"):
        choice = {"index": 0, "message": message, "finish_reason": why}
        whole = {**common, "object": "chat.completion", "choices": [choice], "usage": USAGE}
        return "application/json", json.dumps(whole).encode()
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": message, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": why}]},
        {"choices": [], "usage": USAGE},
    ]
    lines = [json.dumps({**common, "object": "chat.completion.chunk", **c}) for c in chunks]
    return "text/event-stream", "".join(f"data: {x}\n\n" for x in [*lines, "[DONE]"]).encode()


def _gemini(path: str, call: Call | None) -> tuple[str, bytes]:
    part: dict[str, Any] = {"text": ANSWER}
    if call is not None:
        part = {"functionCall": {"name": call.name, "args": call.arguments}}
    answer = {
        "candidates": [
            {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
        ],
        "usageMetadata": {
            "promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18
        },
        "modelVersion": "m1",
    }  # fmt: skip
    if "stream" not in path:
        return "application/json", json.dumps(answer).encode()
    return "text/event-stream", f"data: {json.dumps(answer)}\r\n\r\n".encode()
