"""The agent's tools: what they are given and what they give back, in the agent's own shapes."""

from typing import Any

from transcript_records import Record

MCP = "mcp__demo__add"
REPEATING = ("Edit", "Write", "TodoWrite")  # what they give back says nothing new
TOOLS = ("Bash", "Bash", "Bash", "Read", "Read", "Edit", "Write", "Grep", "TodoWrite", MCP)


def tool_input(name: str, place: str, said: str) -> Record:
    """The input of a tool that works on a file, or with a text."""
    inputs: dict[str, Record] = {
        "Bash": {"command": f"pytest -k '{said}'", "description": "Run tests"},
        "Read": {"file_path": place},
        "Edit": {"file_path": place, "old_string": said, "new_string": said.upper()},
        "Write": {"file_path": place, "content": said},
        "Grep": {"pattern": said, "output_mode": "content"},
        "TodoWrite": {"todos": [{"content": said, "status": "pending", "activeForm": "-"}]},
        MCP: {"text": said},
    }
    return inputs[name]


def tool_output(tool: str, given: Record, text: str) -> tuple[Any, Any]:
    """What the model saw of a good end, and `toolUseResult`."""
    if tool == "Bash":
        told = {"stdout": text, "stderr": "", "interrupted": False, "isImage": False}
        return text, {**told, "noOutputExpected": False}
    if tool == "Read":
        place, count = given["file_path"], text.count("\n") + 1
        numbered = "\n".join(f"{n}\t{line}" for n, line in enumerate(text.split("\n"), 1))
        file = {"filePath": place, "content": text, "numLines": count, "startLine": 1}
        return numbered, {"type": "text", "file": {**file, "totalLines": count}}
    if tool == "Edit":
        told = {"filePath": given["file_path"], "oldString": given["old_string"]}
        told |= {"newString": given["new_string"], "originalFile": text, "structuredPatch": []}
        return "The file has been updated. " + text[:40], {**told, "userModified": False}
    if tool == "Write":
        told = {"type": "create", "filePath": given["file_path"], "content": given["content"]}
        return "File created. " + text[:40], {**told, "structuredPatch": [], "originalFile": None}
    if tool == "Grep":
        return text, {"mode": "content", "numFiles": 0, "filenames": [], "content": text}
    if tool == "TodoWrite":
        told = {"oldTodos": [], "newTodos": given["todos"]}
        return "Todos have been modified. " + text[:40], told
    return [{"type": "text", "text": text}], [{"type": "text", "text": text}]
