"""What a tool gave back, as text: agents wrap it in objects of their own."""

from collections.abc import Iterator, Mapping
from typing import Any

_OUTPUTS = ("stdout", "stderr", "output", "content", "result", "aggregated_output")
_DEEPEST = 3


def text_of(value: Any) -> str:
    """The text of what a tool gave back."""
    return "\n".join(_texts(value, 0))


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < _DEEPEST:
        for item in value:
            yield from _texts(item.get("text") if isinstance(item, Mapping) else item, depth + 1)
    elif isinstance(value, Mapping) and depth < _DEEPEST:
        if isinstance(value.get("file"), Mapping):
            yield from _texts(value["file"].get("content"), depth + 1)
        for key in _OUTPUTS:
            if value.get(key):
                yield from _texts(value[key], depth + 1)
