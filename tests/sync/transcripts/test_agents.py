"""Sessions of the other agents: reported by hooks, by the agent's own files, and by both."""

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agent_files
import agent_home
import agent_recordings
import agent_truth
import agreement
import opencode_database
import stored
from journal import cli
from journal.layout import Layout
from sync.ingest.dead_letters import entries
from sync.transfer import sources

TRUTHS: dict[str, Callable[[list[Path]], agent_files.Counts]] = {
    "codex": agent_truth.codex,
    "copilot-cli": agent_truth.copilot_cli,
    "opencode": agent_truth.opencode,
    "gemini-cli": agent_truth.gemini_cli,
    "qwen-code": agent_truth.qwen_code,
}
LINES = sorted(set(TRUTHS) - {"opencode"})


class Person:
    """A person with a home, in which agents work."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder.mkdir()
        self._environ = monkeypatch
        monkeypatch.setenv("JOURNAL_SESSIONS__REAP_AFTER_HOURS", "876000")
        self.home, self.journal, self._capsys = folder, folder / ".agent-journal", capsys

    def run(self, *args: str, said: str = "") -> str:
        self._environ.setenv("HOME", str(self.home))
        self._capsys.readouterr()
        assert cli.run(["--home", str(self.journal), *args]) == 0
        out, err = self._capsys.readouterr()
        assert (said in err) if said else not err or args[0] == "context", err
        return out

    def imports(self, *args: str) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self.run("import", "--json", *args))
        return report

    def talks(self) -> dict[str, dict[str, Any]]:
        """What is shown of each session, as far as its files have it."""
        listed = self.run("sessions", "--all", "--json", "--limit", "0")
        ids = [json.loads(line)["session"] for line in listed.splitlines()]
        return {one: self._talk(one) for one in ids}

    def _talk(self, session: str) -> dict[str, Any]:
        shown = json.loads(self.run("show", session, "--json"))
        keys = ("tool_use_id", "tool", "ok", "agent_id")
        calls = [tuple(call[key] for key in keys) for call in shown["observations"]]
        return {
            "title": shown["session"]["title"],
            "prompts": [prompt["text"] for prompt in shown["prompts"]],
            "answers": [answer["text"] for answer in shown["answers"]],
            "calls": sorted(calls, key=str),  # agents that work at the same time have no order
            "tokens": shown["tokens"],
        }

    def ids(self) -> set[bytes]:
        """The ids of all records of the agents' files."""
        query = "select id from events where name = 'Transcript'"
        return {unique for (unique,) in stored.rows(self.journal, query)}


@pytest.fixture
def person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], Person]:
    return lambda name: Person(tmp_path / name, monkeypatch, capsys)


@pytest.mark.parametrize("agent", sorted(TRUTHS))
def test_files_alone_give_the_same_as_hooks_and_files(
    person: Callable[[str], Person], agent: str
) -> None:
    names = agent_files.scenarios(agent)
    reported = person("told")
    files = [path for name in names for path in agent_home.keep(agent, name, reported.home)]
    assert reported.imports()["imported"] > 0
    talks = reported.talks()
    counted(agent, names, talks)

    both = person("both")
    payloads = []
    for name in agent_recordings.names(agent):  # of some the hooks alone were recorded
        agent_home.keep(agent, name, both.home)
        payloads += agent_home.fire(agent, name, both.home, both.journal)
    both.run("sync")
    assert both.ids() == reported.ids()
    now = both.talks()
    assert {session: without_untold(now[session], talk) for session, talk in talks.items()} == talks
    assert both.imports()["imported"] == 0
    assert both.imports("--agent", agent, *map(str, files[:1]))["imported"] == 0
    exported_once(both, payloads)
    agreement.check(both.run)


def without_untold(both: dict[str, Any], reported: dict[str, Any]) -> dict[str, Any]:
    """Without calls that no transcript has: a patch of Codex that does not apply has no end."""
    known = {call[0] for call in reported["calls"]}
    untold = [call for call in both["calls"] if call[0] not in known]
    assert [call for call in untold if call[1:] != ("apply_patch", None, None)] == []
    return both | {"calls": [call for call in both["calls"] if call not in untold]}


def counted(agent: str, names: list[str], talks: dict[str, dict[str, Any]]) -> None:
    """What is shown is what the files hold, counted by something else."""
    truth = TRUTHS[agent]([path for name in names for path in agent_files.files(agent, name)])
    shown = list(talks.values())
    prompts = [text for one in shown for text in one["prompts"]]
    assert sorted(prompts) == sorted(truth.prompts)
    calls = {call[0]: call for one in shown for call in one["calls"]}
    assert {key: call[1] for key, call in calls.items()} == truth.calls
    assert {key for key, call in calls.items() if call[2] is False} == truth.failed
    assert {call[3] for call in calls.values()} - {None} == truth.subagents
    kinds = ("input", "output", "cache_read", "cache_write")
    for number, kind in enumerate(kinds):
        used = sum(one["tokens"][kind] for one in shown)
        assert used == sum(counts[number] for counts in truth.tokens.values())


def exported_once(person: Person, payloads: list[dict[str, Any]]) -> None:
    """Each payload of a hook is in the export once, and each line of the day files, as it was."""
    days = [
        json.loads(line)
        for path in person.journal.glob("days/*/*.jsonl")
        for line in path.read_bytes().split(b"\n")
        if line
    ]
    out = person.home / "all.jsonl"
    person.run("export", "--output", str(out))
    exported = [json.loads(line) for line in out.read_bytes().split(b"\n") if line]
    assert Counter(one["id"] for one in exported) == Counter(one["id"] for one in days)
    by_id = {one["id"]: one["payload"] for one in exported}
    assert all(by_id[one["id"]] == one["payload"] for one in days)
    of_hooks = [one["payload"] for one in exported if one["event"] != "Transcript"]
    assert Counter(map(_plain, of_hooks)) == Counter(map(_plain, payloads))


def _plain(payload: dict[str, Any]) -> str:
    return json.dumps(payload, sort_keys=True)


@pytest.mark.parametrize("agent", LINES)
def test_a_file_that_grows_is_the_file_that_is_read_at_once(
    person: Callable[[str], Person], agent: str
) -> None:
    """Cut off anywhere, also within a line and a character, and followed from there."""
    whole = person("whole")
    agent_home.keep(agent, "simple", whole.home)
    whole.imports()
    growing = person("growing")
    path = agent_home.keep(agent, "simple", growing.home)[0]
    agent_home.fire(agent, "simple", growing.home, growing.journal, ends=False)
    data, dice = path.read_bytes(), random.Random(agent)
    for end in [*sorted(dice.sample(range(1, len(data)), 3)), len(data)]:
        path.write_bytes(data[:end])
        growing.run("sync")
    assert growing.ids() == whole.ids()


@pytest.mark.parametrize("agent", LINES)
def test_a_torn_line_loses_nothing_of_the_others(
    person: Callable[[str], Person], agent: str
) -> None:
    """The agent was killed while it wrote, and wrote on at the same place."""
    whole, torn = person("whole"), person("torn")
    for one in (whole, torn):
        path = agent_home.keep(agent, "simple", one.home)[0]
    lines = path.read_bytes().split(b"\n")
    for one in (torn, whole):
        one.journal.mkdir()
    path.write_bytes(b"\n".join([*lines[:3], lines[3][:20] + lines[4], *lines[5:]]))
    report = json.loads(torn.run("import", "--json", str(path), said="cut off or damaged"))
    assert report["rejected"] == 1
    path.write_bytes(b"\n".join([*lines[:3], *lines[4:]]))
    whole.imports(str(path))
    assert torn.ids() == whole.ids()
    assert [one["text"].encode() for one in entries(Layout(torn.journal))] == [lines[3][:20]]


def test_a_database_is_followed_while_its_program_writes(person: Callable[[str], Person]) -> None:
    whole, live = person("whole"), person("live")
    recorded = agent_files.files("opencode", "simple")
    (path,) = agent_home.keep("opencode", "simple", whole.home)
    whole.run("import", str(path))
    path = live.home / path.relative_to(whole.home)
    db = opencode_database.make(path, [])
    agent_home.fire("opencode", "simple", live.home, live.journal, ends=False)
    rows = sorted(agent_truth.rows(recorded[0]), key=lambda row: row["time_updated"])
    for start in range(0, len(rows), 9):
        for row in rows[start : start + 9]:
            opencode_database.put(db, row)
        db.commit()
        live.run("sync")
    assert live.ids() == whole.ids()
    db.close()


def test_a_database_with_sessions_from_before_brings_only_the_ones_of_hooks(
    person: Callable[[str], Person],
) -> None:
    one = person("one")
    path = one.home / ".local/share/opencode/opencode.db"
    recorded = [*agent_files.files("opencode", "simple"), *agent_files.files("opencode", "fail")]
    opencode_database.make(path, recorded).close()
    agent_home.fire("opencode", "simple", one.home, one.journal)
    one.run("sync")
    assert len(one.talks()) == 1
    assert one.imports()["sessions"] == 1
    assert len(one.talks()) == 2


def test_whose_a_file_is_follows_from_what_it_holds(tmp_path: Path) -> None:
    for agent in TRUTHS:
        for name in agent_files.scenarios(agent):
            for path in agent_home.keep(agent, name, tmp_path / f"{agent}-{name}"):
                assert sources.agent_of(path) == agent
    rollout = agent_files.files("codex", "simple")[0]
    other = tmp_path / "renamed.jsonl"
    other.write_bytes(rollout.read_bytes())
    assert sources.agent_of(other) == "codex"


@pytest.mark.parametrize("agent", LINES)
def test_a_file_that_is_put_together_again_is_the_file(
    person: Callable[[str], Person], agent: str
) -> None:
    first, second = person("first"), person("second")
    original = agent_home.keep(agent, "fail" if agent == "gemini-cli" else "simple", first.home)[0]
    first.imports()
    (session,) = first.talks()
    again = second.home / original.relative_to(first.home)
    again.parent.mkdir(parents=True)
    first.run("export", session, "--format", "transcript", "--output", str(again))
    assert last_versions(again) == last_versions(original)
    second.run("import", str(again))
    assert second.ids() == first.ids()


def last_versions(path: Path) -> list[dict[str, Any]]:
    """What a file holds in the end, without what is never kept."""
    found: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(agent_truth.rows(path)):
        is_noise = row.get("type", "").startswith("hook.") or set(row.get("$set", {})) == {
            "lastUpdated"
        }
        row.pop("lastUpdated", None)
        if not is_noise:
            found[row["id"] if "toolCalls" in row or "content" in row else str(number)] = row
    return [row for _, row in sorted(found.items(), key=lambda one: json.dumps(one[1]))]
