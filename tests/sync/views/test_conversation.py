"""One conversation from several sources: any of their records, in any order, give what they can.

The truth of each recording was made by other code; see tests/fixtures/conversations.py.
"""

import json
import random
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import conversations
import recordings
import stored
from chance import THOROUGH, examples
from conversations import NAMES, Reported
from journal.errors import JournalError
from journal.times import to_text, to_us
from long_sessions import LongSession
from places import DATA
from sync.query import detail
from sync.store import facts


def shown(home: Path, session: str) -> dict[str, Any]:
    """What `show --json` says of a session; nothing if it is not known."""
    db = stored.database(home)
    key = facts.known_key(db, "claude-code", session)
    try:
        if key is None:
            return {"prompts": [], "answers": [], "observations": []}
        found = detail.read(db, key, ())
        bare = detail.read(db, key, (), with_values=False)
        assert (bare.prompts, bare.answers) == (found.prompts, found.answers)
        assert list(detail.whole_calls(db, bare.observations)) == found.observations
        assert [event.id for event in bare.events] == [event.id for event in found.events]
        return json.loads(json.dumps(found.json(), default=str))
    except JournalError:  # its records have nothing of a conversation
        return {"prompts": [], "answers": [], "observations": []}
    finally:
        db.close()


def arrive(home: Path, batches: list[list[Reported]]) -> None:
    """Records come in batches, each with a pass of its own."""
    for batch in batches:
        for one in batch:
            recordings.append(home / "days" / one.file, one.data)
        stored.sync(home)


def check(home: Path, name: str, reported: list[Reported]) -> None:
    sources = {one.source for one in reported}
    for session in conversations.load(name).truth:
        right = conversations.expected(name, session, sources)
        found = shown(home, session)
        prompts = [p["text"] for p in found["prompts"]]
        # In the fork a queued prompt has the words of an inherited one: either may be meant.
        either = [right["prompts"], right["prompts"][1:]] if name == "fork" else [right["prompts"]]
        assert prompts in either
        assert [(a["text"], a["failed"]) for a in found["answers"]] == right["answers"]
        calls = {
            o["tool_use_id"]: (o["tool"] or None, o["ok"], o["agent_id"])
            for o in found["observations"]
        }
        assert calls == right["calls"]


def everything(name: str) -> list[Reported]:
    whole = conversations.load(name)
    return [*whole.hooks, *whole.lines]


@pytest.mark.parametrize("name", NAMES)
def test_each_source_alone_and_both_give_the_true_conversation(tmp_path: Path, name: str) -> None:
    whole = conversations.load(name)
    for kind, reported in (
        ("hooks", whole.hooks),
        ("lines", whole.lines),
        ("both", everything(name)),
    ):
        arrive(tmp_path / kind, [reported])
        check(tmp_path / kind, name, reported)


@pytest.mark.parametrize("name", NAMES)
def test_hooks_first_and_lines_later_or_the_other_way_give_the_same(
    tmp_path: Path, name: str
) -> None:
    whole = conversations.load(name)
    arrive(tmp_path / "a", [whole.hooks, whole.lines])
    arrive(tmp_path / "b", [whole.lines, whole.hooks])
    arrive(tmp_path / "c", [everything(name)])
    assert stored.views(tmp_path / "a") == stored.views(tmp_path / "c")
    assert stored.views(tmp_path / "b") == stored.views(tmp_path / "c")


@pytest.mark.parametrize("name", NAMES)
def test_a_session_that_grows_by_few_records_a_pass_ends_like_one_read_at_once(
    tmp_path: Path, name: str
) -> None:
    reported = sorted(everything(name), key=lambda one: json.loads(one.data)["at"])
    few = 2 if THOROUGH else 5
    batches = [reported[number : number + few] for number in range(0, len(reported), few)]
    arrive(tmp_path / "grown", batches)
    arrive(tmp_path / "whole", [reported])
    assert stored.views(tmp_path / "grown") == stored.views(tmp_path / "whole")


def test_a_rewind_by_two_turns_is_seen_when_it_arrives(tmp_path: Path) -> None:
    """The turns before it were merged from hooks and lines, and are not merged again."""
    reported = sorted(everything("rewind"), key=lambda one: json.loads(one.data)["at"])
    *_, last = (n for n, one in enumerate(reported) if b'"turnIndex":3' in one.data)
    data = reported[last].data.replace(b'"turnIndex":3', b'"turnIndex":2')
    reported[last] = replace(reported[last], data=data)
    parts = [reported[number : number + 16] for number in range(0, len(reported), 16)]
    arrive(tmp_path / "grown", parts)
    arrive(tmp_path / "whole", [reported])
    assert stored.views(tmp_path / "grown") == stored.views(tmp_path / "whole")
    (session,) = conversations.load("rewind").truth
    prompts = shown(tmp_path / "grown", session)["prompts"]
    assert [one["taken_back"] for one in prompts] == [False, True, True, False]


@pytest.mark.parametrize(("kind", "shown_before"), [("hidden", 2), ("doubled", 6)])
def test_prompts_that_version_0_1_hid_or_doubled_are_right_afterwards(
    tmp_path: Path, kind: str, shown_before: int
) -> None:
    """Of hooks that were removed in the middle; see tests/data/homes/README.md."""
    with tarfile.open(DATA / "homes/conversations/0.1.0.tar.xz") as archive:
        archive.extractall(tmp_path, filter="tar")
    home = tmp_path / kind
    (session,) = conversations.load("hooksmid").truth
    query = "select count(*) from prompts p join sessions s on s.key = p.session where s.id = ?"
    assert stored.rows(home, query, session) == [(shown_before,)]
    events = stored.rows(home, "select id from events order by 1")
    stored.sync_now(home)
    for name in NAMES:
        check(home, name, everything(name))
    assert stored.rows(home, "select id from events order by 1") == events
    stored.check(home)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from(NAMES), seed=st.integers(0, 2**32))
def test_any_records_in_any_order_give_what_they_can(
    tmp_path_factory: pytest.TempPathFactory, name: str, seed: int
) -> None:
    """Rule 11: hooks and lines are cut anywhere, repeated, shuffled, and come in any batches.

    In some the clock was set back, or that of one source ran backwards or stood: the lines know the
    order, but not what a fork began with. In some each hook fires twice.
    """
    chance = random.Random(seed)
    whole = conversations.load(name)
    hooks, lines = _part(whole.hooks, chance), _part(whole.lines, chance)
    kind = chance.choice(("right", "right", "right", "set back", "hooks", "lines", "stands"))
    hooks = _fired_twice(hooks) if chance.random() < 0.3 else hooks
    hooks = _backwards(hooks) if kind == "hooks" else hooks
    hooks = _at_one_moment(hooks) if kind == "stands" and hooks else hooks
    lines = _backwards(lines) if kind == "lines" else lines
    reported = [*hooks, *lines]
    of_hooks = kind in ("hooks", "stands")
    is_ordered = kind == "right" or (of_hooks and len(lines) == len(whole.lines))
    if kind == "set back":
        reported = _set_back(reported, chance)
    if not is_ordered and not of_hooks:
        is_ordered = name != "fork" and any(len(one.source) == 2 for one in reported)
    reported += [one for one in reported if chance.random() < 0.1]
    chance.shuffle(reported)
    cuts = sorted(chance.randrange(len(reported) + 1) for _ in range(3))
    batches = [reported[a:b] for a, b in zip([0, *cuts], [*cuts, len(reported)], strict=True)]
    home = tmp_path_factory.mktemp("home")
    arrive(home, batches)
    if is_ordered and name != "rewind":  # what a missing line took back cannot be known
        check(home, name, reported)
    again = tmp_path_factory.mktemp("again")
    arrive(again, [reported])
    assert stored.views(again) == stored.views(home)


def _fired_twice(hooks: list[Reported]) -> list[Reported]:
    """Each hook with a second firing a moment later, under an id of its own."""
    found = []
    for one in hooks:
        fields = json.loads(one.data)
        fields |= {"id": fields["id"][::-1], "at": to_text(to_us(fields["at"]) + 3000)}
        found += [one, replace(one, data=json.dumps(fields).encode() + b"\n")]
    return found


def _set_back(reported: list[Reported], chance: random.Random) -> list[Reported]:
    """From some moment on the clock was behind."""
    times = [json.loads(one.data)["at"] for one in reported]
    moment = chance.choice(times or [""])
    by_us = chance.choice((300_000, 2_000_000, 3_600_000_000))
    found = []
    for one, at in zip(reported, times, strict=True):
        fields = json.loads(one.data)
        if at >= moment:
            fields["at"] = to_text(to_us(at) - by_us)
        found.append(replace(one, data=json.dumps(fields).encode() + b"\n"))
    return found


def _backwards(reported: list[Reported]) -> list[Reported]:
    """Each record is dated before the one before it."""
    first_us = max((to_us(json.loads(one.data)["at"]) for one in reported), default=0)
    found = []
    for number, one in enumerate(reported):
        fields = json.loads(one.data)
        fields["at"] = to_text(first_us - number * 100_000)
        found.append(replace(one, data=json.dumps(fields).encode() + b"\n"))
    return found


def _at_one_moment(reported: list[Reported]) -> list[Reported]:
    """All records are dated as the first one."""
    at = json.loads(reported[0].data)["at"]
    said = [json.loads(one.data) | {"at": at} for one in reported]
    data = [json.dumps(fields).encode() + b"\n" for fields in said]
    return [replace(one, data=line) for one, line in zip(reported, data, strict=True)]


def _part(reported: list[Reported], chance: random.Random) -> list[Reported]:
    """All, none, those up to a point, those from a point on, or some."""
    cut = chance.randrange(len(reported) + 1)
    parts = [
        reported,
        [],
        reported[:cut],
        reported[cut:],
        [one for one in reported if chance.random() < 0.7],
    ]
    return list(chance.choice(parts))


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(agent=st.sampled_from(("gemini-cli", "claude-code")), seed=st.integers(0, 2**32))
def test_a_session_without_turns_that_grows_ends_like_one_read_at_once(
    tmp_path_factory: pytest.TempPathFactory, agent: str, seed: int
) -> None:
    """It is merged from the last prompt that all sources have: also with hooks that fire twice."""
    chance = random.Random(seed)
    whole = LongSession(agent, named=False, doubled=chance.random() < 0.5, seed=seed)
    reported = [line for _ in range(4) for part in whole.turn(chance.randrange(4)) for line in part]
    reported = [Reported((0,), whole.session, line, whole.file[:10]) for line in reported]
    reported = _part(reported, chance) or reported
    late = [number + chance.random() * chance.choice((1, 8)) for number in range(len(reported))]
    reported = [
        one for _, one in sorted(zip(late, reported, strict=True), key=lambda pair: pair[0])
    ]
    home, again = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("again")
    arrive(home, [reported[start : start + 9] for start in range(0, len(reported), 9)])
    arrive(again, [reported])
    assert stored.views(again) == stored.views(home)


@pytest.mark.parametrize(
    ("agent", "clock", "seed"),
    [
        ("gemini-cli", "backwards", 1),
        ("claude-code", "backwards", 1),
        ("gemini-cli", "stands", 29),  # calls and prompts are equal
        ("claude-code", "stands", 29),
    ],
)
def test_hooks_whose_clock_is_wrong_add_nothing_to_the_lines(
    tmp_path: Path, agent: str, clock: str, seed: int
) -> None:
    """In a session without ids of turns, which has parts by time otherwise. Each fires twice."""
    whole = LongSession(agent, named=False, doubled=True, seed=seed)
    records = [line for _ in range(4) for part in whole.turn(3) for line in part]
    reported = [Reported((0,), whole.session, line, whole.file[:10]) for line in records]
    lines = [one for one in reported if b'"event":"Transcript"' in one.data]
    hooks = [one for one in reported if one not in lines]
    hooks = _backwards(hooks) if clock == "backwards" else _at_one_moment(hooks)
    arrive(tmp_path / "lines", [lines])
    arrive(tmp_path / "both", [hooks, lines])
    alone, both = (_conversation(tmp_path / name) for name in ("lines", "both"))
    assert both == alone


@pytest.mark.parametrize(("apart_ms", "prompts"), [(0, 1), (200, 2)])
@pytest.mark.parametrize("late_us", [100, 300_000, 5_000_000])
def test_the_agents_own_clock_says_whether_a_hook_fired_twice(
    tmp_path: Path, apart_ms: int, prompts: int, late_us: int
) -> None:
    """Whenever the second one started, and in a pass of its own."""
    home, whole = tmp_path, LongSession("gemini-cli")
    for after in (0, 1):
        said = {"prompt": "continue", "timestamp": 1_795_000_000_000 + after * apart_ms}
        (line,) = whole.hook("BeforeAgent", said)
        recordings.append(home / "days" / whole.file, line)
        whole.now_us += late_us
        stored.sync(home)
    assert [kind for kind, *_ in _conversation(home)] == ["prompt"] * prompts


def _conversation(home: Path) -> list[tuple[object, ...]]:
    """Its prompts, answers and calls; not where each is stored."""
    query = """
        select o.kind, o.tool, o.ok, t.text from items o left join item_texts t on t.seq = o.seq
        order by o.position
    """
    return stored.rows(home, query)
