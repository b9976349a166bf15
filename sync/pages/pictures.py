"""Pictures in what tools give back: shown as what they are, never as a million letters."""

from collections.abc import Mapping
from typing import Any

_LEAST_CHARS = 200  # of base64 text
_DEEPEST = 6


def named(value: Any, depth: int = 0) -> Any:
    """The same value with `picture (image/png, 34 kB)` in the place of each picture's data."""
    if depth > _DEEPEST:
        return value
    if isinstance(value, Mapping):
        picture = _picture(value)
        if picture:
            return picture
        return {key: named(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [named(item, depth + 1) for item in value]
    if isinstance(value, str) and value.startswith("data:image/"):
        kind, _, data = value[len("data:") :].partition(";base64,")
        return _text(kind, len(data)) if data else value
    return value


def _picture(value: Mapping[str, Any]) -> str:
    """Words for a block with a picture in it (Messages API, MCP, Claude Code's Read)."""
    inner = value.get("source")
    source = inner if isinstance(inner, Mapping) else value
    data = source.get("data", source.get("base64"))
    kinds = (source.get(key) for key in ("media_type", "mimeType", "mime_type", "type"))
    kind = next((k for k in kinds if isinstance(k, str) and k.startswith("image/")), "")
    if not kind and value.get("type") != "image":
        return ""
    if not isinstance(data, str) or len(data) < _LEAST_CHARS:
        return ""
    return _text(kind or "image", len(data))


def _text(kind: str, chars: int) -> str:
    size = chars * 3 // 4
    length = f"{size / 1000:,.0f} kB" if size >= 1000 else f"{size} bytes"
    return f"picture ({kind}, {length})"
