"""Memory ids that arrive late: bound in any order, else minted, never a placeholder."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import commands
import recordings
import stored
from chance import examples
from hooks import emit
from journal.layout import Layout
from journal.record import memory_id_order, own_facts, record
from sync.store import schema

SECOND_NS = 1_000_000_000
AGENT = "claude-code"
SESSION = "c3af9ce9-b3ec-4cfd-8e88-d19030d6d1fa"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose memory ids come from outside."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text('[memory]\nagent = "external"\n')
    return home


def run(home: Path, *args: str) -> tuple[int, str, str]:
    done = commands.shared().run(home, *args)
    return done.code, done.stdout, done.stderr


def bind(
    home: Path, session: str, memory_id: object, at_ns: int = 0, agent: str = AGENT
) -> record.Record:
    """Append a bind as any program may."""
    now_ns = recordings.START_NS + at_ns
    return own_facts.append(
        Layout.at(home), "MemoryId", (agent, session), {"memory_id": memory_id}, now_ns
    )


def begin(home: Path, session: str, at_ns: int = 0, agent: str = AGENT) -> None:
    """Append a session's prompt and one tool call."""
    for name, more in (
        ("UserPromptSubmit", {"prompt": "go"}),
        ("PreToolUse", {"tool_name": "Read", "tool_use_id": "t", "tool_input": {"file_path": "a"}}),
    ):
        now_ns = recordings.START_NS + at_ns
        payload = json.dumps({"session_id": session, "cwd": "/w", **more}).encode()
        line, guess, _ = emit.record(agent, name, payload, now_ns, {})
        emit.append(str(home), emit.file_name(agent, guess), line, now_ns, durable=False)


def ids(home: Path) -> dict[str, str | None]:
    """The memory id of each session that is shown."""
    query = """
        select s.agent || '/' || s.id, m.memory_id from session_states s
        left join memory_ids m on m.agent = s.agent and m.session = s.id
    """
    return dict(stored.rows(home, query))


def refusals(home: Path) -> dict[str, str]:
    """Why each refused bind is refused, by its record."""
    path = home / "dead" / "binds.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return {entry["key"]: entry["reason"] for entry in map(json.loads, lines)}


def test_observations_that_came_before_their_id_all_show_it_once_it_is_bound(home: Path) -> None:
    recordings.write_journal(home, "p-parallel")
    recordings.write_journal(home, "p-simple")
    code, out, _ = run(home, "sync", "--json")
    assert code == 0
    first = json.loads(out)
    assert first["memory_ids"] == {"resolved": 0, "pending": 2}
    shown = json.loads(run(home, "show", SESSION, "--json")[1])
    assert shown["session"]["memory_id"] is None
    assert shown["observations"]
    assert {call["memory_id"] for call in shown["observations"]} == {None}
    assert "pending since 2026-11-18" in run(home, "show", SESSION)[1]
    assert SESSION in run(home, "search", "simple", "--json")[1]
    status = json.loads(run(home, "status", "--json")[1])["memory_ids"]
    assert (status["resolved"], status["pending"], status["refused"]) == (0, 2, 0)
    assert status["oldest_pending"].startswith("2026-11-18T11:06:40")

    bind(home, SESSION, "mem-1")
    report = json.loads(run(home, "sync", "--json")[1])
    assert report["memory_ids"] == {"resolved": 1, "pending": 1}
    shown = json.loads(run(home, "show", SESSION, "--json")[1])
    assert shown["session"]["memory_id"] == "mem-1"
    assert {call["memory_id"] for call in shown["observations"]} == {"mem-1"}
    again = json.loads(run(home, "sync", "--json")[1])
    assert again["memory_ids"] == {"resolved": 0, "pending": 1}
    assert again["records"]["read"] == 0


REFUSED = {
    "": "the memory id is empty",
    " \t": "the memory id is empty",
    "x" * 201: "the memory id is longer than 200 characters",
    "two words": "the memory id holds white space or characters that cannot be printed",
    "a\nb": "the memory id holds white space or characters that cannot be printed",
    "a\x1b[31m": "the memory id holds white space or characters that cannot be printed",
    "a\u202eb": "the memory id holds white space or characters that cannot be printed",
    "null": "'null' is a placeholder, not a memory id",
    "Unknown": "'Unknown' is a placeholder, not a memory id",
    "00000000-0000-0000-0000-000000000000": (
        "'00000000-0000-0000-0000-000000000000' is a placeholder, not a memory id"
    ),
    SESSION: "the memory id is the agent's own session id",
    SESSION.upper(): "the memory id is the agent's own session id",
    SESSION.replace("-", ""): "the memory id is the agent's own session id",
}


@pytest.mark.parametrize("said", REFUSED, ids=repr)
def test_an_id_that_cannot_be_one_is_refused_and_kept_with_its_reason(
    home: Path, said: str
) -> None:
    begin(home, SESSION)
    made = bind(home, SESSION, said)
    assert stored.sync(home).rejected == 1
    assert refusals(home) == {made.id.hex(): REFUSED[said]}
    assert ids(home) == {f"{AGENT}/{SESSION}": None}
    assert stored.sync(home).rejected == 0


@pytest.mark.parametrize("said", [None, 7, True, ["a"], {"id": "a"}], ids=repr)
def test_an_id_that_is_not_a_text_is_refused(home: Path, said: object) -> None:
    begin(home, SESSION)
    made = bind(home, SESSION, said)
    stored.sync(home)
    assert refusals(home) == {made.id.hex(): "the memory id is empty"}


def test_an_id_that_looks_like_a_secret_is_refused_and_not_kept(home: Path) -> None:
    begin(home, SESSION)
    secret = "ghp_" + "a1B2c3D4e5F6" * 3
    code, _, err = run(home, "bind", SESSION, secret)
    assert (code, secret in err) == (1, False)
    assert "the memory id looks like a secret, and secrets are not kept" in err
    assert ids(home) == {f"{AGENT}/{SESSION}": None}


def test_a_bind_that_names_no_agent_is_refused(home: Path) -> None:
    begin(home, SESSION)
    made = record.new_fact("MemoryId", SESSION, {"memory_id": "m"}, recordings.START_NS)
    recordings.append(home / "days" / "2026-11-18" / "journal.x.jsonl", record.dump(made))
    stored.sync(home)
    assert refusals(home) == {made.id.hex(): "it names no agent"}


def test_of_conflicting_binds_the_earliest_record_counts_in_every_order_of_arrival(
    tmp_path: Path,
) -> None:
    said = [("s1", "m1", 1), ("s1", "m2", 2), ("s2", "m1", 3), ("s2", "m2", 4)]
    outcomes = set()
    for number, order in enumerate(([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2])):
        home = tmp_path / str(number)
        home.mkdir()
        (home / "config.toml").write_text('[memory]\nagent = "external"\n')
        begin(home, "s1")
        begin(home, "s2")
        reasons = {}
        for at in order:
            session, memory_id, seconds = said[at]
            made = bind(home, session, memory_id, seconds * SECOND_NS)
            reasons[made.id.hex()] = at
            stored.sync(home)
        refused = {reasons[key]: reason for key, reason in refusals(home).items()}
        outcomes.add((tuple(ids(home).items()), tuple(sorted(refused.items()))))
    ((found, refused_by_number),) = outcomes
    assert dict(found) == {f"{AGENT}/s1": "m1", f"{AGENT}/s2": "m2"}
    assert dict(refused_by_number) == {
        1: "the session has the memory id m1 from an earlier record",
        2: f"the memory id belongs to {AGENT}/s1 from an earlier record",
    }


def test_the_command_says_at_once_that_a_bind_is_refused_and_keeps_it(home: Path) -> None:
    begin(home, SESSION)
    begin(home, "other")
    code, out, err = run(home, "bind", SESSION[:6], "mem-1")
    assert (code, out, err) == (0, f"The memory id of {AGENT}/{SESSION} is mem-1.\n", "")
    assert run(home, "bind", SESSION, "mem-1")[0] == 0
    for session, said, reason in (
        (SESSION, "mem-2", "the session has the memory id mem-1 from an earlier record"),
        ("other", "mem-1", f"the memory id belongs to {AGENT}/{SESSION} from an earlier record"),
    ):
        code, out, err = run(home, "bind", session, said)
        assert (code, out) == (1, "")
        assert err.startswith(f"journal: the bind is refused: {reason} (")
        assert err.count("\n") == 1
    for said, reason in (
        ("other", "the memory id is the agent's own session id"),
        ("", "the memory id is empty"),
        ("a b", "the memory id holds white space"),
        ("pending-17", "'pending-17' is a provisional id"),
        (f"x-{SESSION}", f"'x-{SESSION}' is a provisional id"),
    ):
        code, out, err = run(home, "bind", SESSION if SESSION in said else "other", said)
        assert (code, out) == (2, ""), "what can never be valid is not recorded"
        assert err.startswith(f"journal: nothing is recorded: {reason}")
    assert len(refusals(home)) == 2
    status = json.loads(run(home, "status", "--json")[1])
    assert status["memory_ids"]["refused"] == 2
    assert "2 binds refused" in run(home, "status")[1]


def test_a_wrong_id_is_put_right_and_is_free_for_the_session_that_it_belongs_to(home: Path) -> None:
    begin(home, SESSION)
    begin(home, "other")
    assert run(home, "bind", SESSION, "mem-other")[0] == 0
    assert run(home, "bind", "other", "mem-other")[0] == 1
    code, out, _ = run(home, "bind", "--replace", SESSION, "mem-1")
    assert (code, out) == (
        0,
        f"The memory id of {AGENT}/{SESSION} is mem-1. It replaces mem-other.\n",
    )
    for lost in (False, True):
        if lost:
            lose(home)
            stored.sync(home)
        listed = [json.loads(line) for line in run(home, "sessions", "--json")[1].splitlines()]
        known = {one["session"]: one["memory_id"] for one in listed}
        assert known == {SESSION: "mem-1", "other": "mem-other"}
        assert not refusals(home)
    assert run(home, "sessions", "--memory", "pending", "--json")[1] == ""


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("abc", "m"), 1, "journal: no session abc"),
        (("", "m"), 2, "journal: SESSION is empty"),
        (("codex/never-seen", "m"), 0, ""),
        (("0199b2c4-0000-7000-8000-000000000001", "m"), 0, ""),
    ],
)
def test_a_session_that_has_not_begun_is_bound_only_by_its_whole_name(
    home: Path, args: tuple[str, str], code: int, said: str
) -> None:
    begin(home, SESSION)
    found, _, err = run(home, "bind", *args)
    assert (found, err[: len(said)]) == (code, said)
    assert "Traceback" not in err


def test_a_bind_is_recorded_in_a_home_that_has_nothing_yet(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    command = [
        sys.executable,
        "-m",
        "journal",
        "--home",
        str(home),
        "bind",
        f"codex/{SESSION}",
        "m",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    begin(home, SESSION, agent="codex")
    stored.sync(home)
    assert ids(home) == {f"codex/{SESSION}": "m"}


def test_two_agents_with_the_same_session_id_have_their_own_memory_ids(home: Path) -> None:
    for agent in (AGENT, "codex"):
        begin(home, SESSION, agent=agent)
    bind(home, SESSION, "mem-c", agent=AGENT)
    bind(home, SESSION, "mem-x", agent="codex")
    stored.sync(home)
    assert ids(home) == {f"{AGENT}/{SESSION}": "mem-c", f"codex/{SESSION}": "mem-x"}


def test_a_resumed_session_keeps_its_id_and_a_forked_one_waits_for_its_own(home: Path) -> None:
    begin(home, SESSION)
    bind(home, SESSION, "mem-1", SECOND_NS)
    stored.sync(home)
    start = {"session_id": SESSION, "cwd": "/w", "source": "resume"}
    line = recordings.line("SessionStart", start, recordings.START_NS + 5 * SECOND_NS)
    recordings.append(home / "days" / "2026-11-19" / "claude-code.resumed.jsonl", line)
    begin(home, SESSION, 6 * SECOND_NS)
    fork = {"session_id": "f0rk", "cwd": "/w", "source": "fork"}
    line = recordings.line("SessionStart", fork, recordings.START_NS + 7 * SECOND_NS)
    recordings.append(home / "days" / "2026-11-19" / "claude-code.f0rk.jsonl", line)
    stored.sync(home)
    assert ids(home) == {f"{AGENT}/{SESSION}": "mem-1", f"{AGENT}/f0rk": None}
    bind(home, "f0rk", "mem-2", 8 * SECOND_NS)
    stored.sync(home)
    assert ids(home) == {f"{AGENT}/{SESSION}": "mem-1", f"{AGENT}/f0rk": "mem-2"}


def test_the_builtin_agent_mints_the_same_id_on_every_machine(tmp_path: Path) -> None:
    found = []
    for number in range(2):
        home = tmp_path / str(number)
        home.mkdir()
        begin(home, SESSION)
        assert stored.sync(home).resolved == 1
        found.append(ids(home))
        assert stored.sync(home).resolved == 0
    assert found[0] == found[1]
    (minted,) = found[0].values()
    assert minted not in (None, SESSION)


def test_a_minted_id_yields_to_a_bind_of_its_session_and_to_one_of_itself(tmp_path: Path) -> None:
    begin(tmp_path, "one")
    begin(tmp_path, "two")
    stored.sync(tmp_path)
    before = ids(tmp_path)
    bind(tmp_path, "two", "mem-2", SECOND_NS)
    stored.sync(tmp_path)
    assert ids(tmp_path) == {**before, f"{AGENT}/two": "mem-2"}
    minted = before[f"{AGENT}/one"]
    bind(tmp_path, "three", minted, 2 * SECOND_NS)  # it belongs to another session by now
    begin(tmp_path, "three")
    stored.sync(tmp_path)
    found = ids(tmp_path)
    assert found[f"{AGENT}/three"] == minted
    assert found[f"{AGENT}/one"] not in (None, minted)
    bind(tmp_path, "three", "mem-3")  # the earlier record: the minted id is free again
    stored.sync(tmp_path)
    assert ids(tmp_path)[f"{AGENT}/one"] == minted


def test_minted_ids_come_and_go_with_the_setting(home: Path) -> None:
    begin(home, SESSION)
    begin(home, "bound")
    bind(home, "bound", "mem-1")
    stored.sync(home)
    (home / "config.toml").write_text("")
    stored.sync(home)
    minted = ids(home)[f"{AGENT}/{SESSION}"]
    assert minted is not None
    (home / "config.toml").write_text('[memory]\nagent = "external"\n')
    stored.sync(home)
    assert ids(home) == {f"{AGENT}/{SESSION}": None, f"{AGENT}/bound": "mem-1"}


def test_the_database_itself_refuses_a_second_owner_and_the_session_id() -> None:
    db = apsw.Connection(":memory:")
    for step in schema.STEPS:
        step(db)
    insert = "insert into memory_ids values ('a', ?, ?, null)"
    db.execute(insert, ("s", "m"))
    for session, memory_id in (("t", "m"), ("s", "n"), ("u", "u")):
        with pytest.raises(apsw.ConstraintError):
            db.execute(insert, (session, memory_id))


class Step(NamedTuple):
    """A record of the journal: the bind of a session, or its first tool call."""

    session: str
    memory_id: str | None = None
    seconds: int = 0


_SESSIONS = st.sampled_from([f"s{n}" for n in range(6)])
_IDS = st.sampled_from([f"m{n}" for n in range(5)] + ["s1", "", "null"])
_BINDS = st.builds(Step, _SESSIONS, _IDS, st.integers(0, 9))
_BEGINS = st.builds(Step, _SESSIONS, st.none(), st.integers(0, 9))


def written(step: Step) -> bytes:
    """The record of a step."""
    now_ns = recordings.START_NS + step.seconds * SECOND_NS
    if step.memory_id is not None:
        payload = {"agent": AGENT, "memory_id": step.memory_id}
        return record.dump(record.new_fact("MemoryId", step.session, payload, now_ns))
    call = {"session_id": step.session, "cwd": "/w", "tool_name": "Bash", "tool_use_id": "t"}
    return recordings.line("PreToolUse", {**call, "tool_input": {"command": "ls"}}, now_ns)


def lose(home: Path) -> None:
    """Delete the database."""
    for path in home.glob("journal.db*"):
        path.unlink()


def outcome(home: Path) -> tuple[Any, ...]:
    stored.sync(home)
    stored.check(home)
    found = stored.rows(home, "select agent, session, memory_id, minted from memory_ids")
    return sorted(found), sorted(refusals(home).items()), ids(home)


def _minted(session: str) -> str:
    return memory_id_order.mint(AGENT, session, lambda _: False)[0]


@settings(max_examples=examples(40), deadline=None)
@given(st.data(), st.booleans())
def test_any_order_of_binds_events_syncs_and_losses_ends_in_the_same_ids(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, mints: bool
) -> None:
    steps = data.draw(st.lists(st.one_of(_BINDS, _BEGINS), min_size=1, max_size=14))
    lines = [written(step) for step in steps]
    outcomes = []
    for _ in range(3):
        home = tmp_path_factory.mktemp("home")
        agent = "builtin" if mints else "external"
        (home / "config.toml").write_text(f'[memory]\nagent = "{agent}"\n')
        for at in data.draw(st.permutations(range(len(steps)))):
            path = home / "days" / "2026-11-18" / f"x.{at}.jsonl"
            recordings.append(path, lines[at])
            match data.draw(st.sampled_from(["", "", "sync", "twice", "lose"])):
                case "sync":
                    stored.sync(home)
                case "twice":
                    recordings.append(path, lines[at])
                case "lose":
                    lose(home)
        outcomes.append(outcome(home))
    assert outcomes[0] == outcomes[1] == outcomes[2]
    for _, _, known in outcomes:
        bound = [memory_id for memory_id in known.values() if memory_id is not None]
        assert len(set(bound)) == len(bound)
        assert all(found not in name.partition("/")[2:] for name, found in known.items())
        assert not mints or len(bound) == len(known)


_PURE = st.builds(
    memory_id_order.Bind,
    st.integers(0, 5),
    st.binary(min_size=16, max_size=16),
    st.sampled_from(["a", "b", ""]),
    st.sampled_from(["s", "t", "u"]),
    st.one_of(st.sampled_from(["m", "n", "s", "t", ""]), st.text(max_size=5)),
    st.sampled_from(["", "", "m", "n"]),
)


@given(st.lists(_PURE, unique_by=lambda bind: bind.record), st.randoms())
def test_any_order_of_binds_gives_each_session_one_id_and_each_id_one_session(
    binds: list[memory_id_order.Bind], chance: Any
) -> None:
    found = memory_id_order.judge(binds).refused
    shuffled = list(binds)
    chance.shuffle(shuffled)
    assert memory_id_order.judge(shuffled).refused == found
    assert memory_id_order.judge(shuffled).ids == memory_id_order.judge(binds).ids
    standing = set(memory_id_order.judge(binds).ids.items())
    assert len({who for who, _ in standing}) == len(standing)
    assert len({memory_id for _, memory_id in standing}) == len(standing)
    assert all(memory_id != session for (_, session), memory_id in standing)
    owners = {who for who, _ in standing}
    assert all(found[b.record] is None for b in binds if ((b.agent, b.session), b.memory_id)
               in standing and memory_id_order.fault(b) is None)  # fmt: skip
    for bind in binds:  # every session has an id if some bind could have given it one
        if memory_id_order.fault(bind) is None and (bind.agent, bind.session) not in owners:
            assert bind.memory_id in {memory_id for _, memory_id in standing}
