"""`journal usage`: every message once, priced; equal to an independent reader of transcripts."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import conversations
import transcripts
from commands import shared
from looked_at import Writer

KINDS = {
    "input": "input_tokens", "output": "output_tokens", "cache_read": "cache_read_input_tokens",
    "cache_write": "cache_creation_input_tokens",
}  # fmt: skip


def usage(home: Path, *args: str, **environ: str) -> list[dict[str, Any]]:
    done = shared().run(home, "usage", "--json", *args, environ=environ)
    assert done.code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def tokens_by_model(roots: list[Path]) -> Counter[str]:
    """Another reading of the same files: for each message its record with the most output."""
    best: dict[str, dict[str, int]] = {}
    for path in (path for root in roots for path in root.rglob("*.jsonl")):
        for line in path.read_bytes().split(b"\n"):
            try:
                message = json.loads(line).get("message") or {}
            except (ValueError, AttributeError):
                continue
            if not isinstance(message, dict) or not message.get("usage"):
                continue
            if not message.get("id") or message.get("model") == "<synthetic>":
                continue
            counts = {kind: message["usage"].get(key) or 0 for kind, key in KINDS.items()}
            old = best.get(message["id"])
            if old is None or counts["output"] >= old["output"]:
                best[message["id"]] = counts
    total: Counter[str] = Counter()
    for counts in best.values():
        total.update(counts)
    return total


def test_the_recorded_transcripts_are_summed_as_another_reader_does(tmp_path: Path) -> None:
    home = tmp_path / "home"
    roots = [transcripts.FOLDER, *sorted(conversations.FOLDER.glob("*/transcripts"))]
    assert shared().run(home, "import", *map(str, roots)).code == 0
    expected = tokens_by_model(roots)
    assert expected["output"] > 2_000
    for by in ("day", "project", "model", "agent", "session"):
        rows = usage(home, "--by", by, "--utc")
        assert {kind: sum(row[kind] for row in rows) for kind in KINDS} == expected, by
    assert all(row["cost_usd"] > 0 for row in usage(home, "--by", "model"))


@pytest.mark.parametrize("order", [1, -1])
def test_a_message_that_forks_share_belongs_to_the_earlier_one(tmp_path: Path, order: int) -> None:
    writer = Writer(tmp_path)
    sessions = [("first", 9000), ("fork", 500)][::order]
    for name, ago in sessions:
        writer.tell(name, "UserPromptSubmit", ago, cwd=f"/code/{name}", prompt="hi")
        writer._calls = 0
        writer.used(name, ago - 1, 1000, 10, 0)
        if name == "fork":
            writer.used(name, ago - 2, 7, 1, 0)
    rows = {row["key"]: row for row in usage(tmp_path, "--by", "session")}
    assert (rows["first"]["input"], rows["fork"]["input"]) == (1000, 7)
    only = usage(tmp_path, "--by", "session", "--project", "fork")
    assert [row["input"] for row in only] == [7]


def test_prices_of_the_configuration_win_and_what_has_none_is_named(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.tell("a1", "UserPromptSubmit", 9, cwd="/code/a", prompt="hi")
    writer.used("a1", 8, 1_000_000, 0, 2_000_000)
    writer.used("a1", 7, 500, 500, 0, model="house-model")
    (row,) = usage(tmp_path, "--by", "agent")
    assert row["unpriced"] == ["house-model"]
    known = row["cost_usd"]
    (tmp_path / "config.toml").write_text(
        '[prices]\n"house-model" = { input = 10, output = 30, cache_read = 1 }\n'
        '"claude-opus-5-5" = { input = 1.0, output = 2.0, cache_read = 0.5 }\n'
    )
    (row,) = usage(tmp_path, "--by", "agent")
    assert row["unpriced"] == []
    assert row["cost_usd"] == pytest.approx(1.0 + 1.0 + 0.02)
    assert known != row["cost_usd"]
    (tmp_path / "config.toml").write_text('[prices]\n"x" = { input = -1 }\n')
    done = shared().run(tmp_path, "usage")
    assert done.code == 2
    assert "prices.x is not a price" in done.stderr


def test_no_price_at_all_is_null(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.tell("a1", "UserPromptSubmit", 9, cwd="/code/a", prompt="hi")
    writer.used("a1", 7, 500, 500, 0, model="house-model")
    (row,) = usage(tmp_path)
    assert (row["cost_usd"], row["unpriced"]) == (None, ["house-model"])
    done = shared().run(tmp_path, "usage", "--agent", "cod")
    assert (done.code, "no session has the agent 'cod'" in done.stderr) == (0, True)


def test_days_are_local_unless_utc_is_wanted(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.now_ns = 1_795_000_000_000_000_000  # 2026-11-18T11:06:40Z
    writer.tell("a1", "UserPromptSubmit", 9, cwd="/code/a", prompt="hi")
    writer.used("a1", 8, 5, 5, 5)
    zone = {"TZ": "Pacific/Kiritimati"}  # 14 hours ahead
    assert [row["key"] for row in usage(tmp_path, **zone)] == ["2026-11-19"]
    assert [row["key"] for row in usage(tmp_path, "--utc", **zone)] == ["2026-11-18"]
    assert [row["key"] for row in usage(tmp_path, "--by", "week", "--utc")] == ["2026-W47"]
    assert [row["key"] for row in usage(tmp_path, "--by", "month", "--utc")] == ["2026-11"]
