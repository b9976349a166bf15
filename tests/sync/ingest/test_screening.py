"""What never reaches the database: excluded projects, excluded tools, what is marked as private."""

import gzip
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import firing
import killed_pass
import recordings
import stored
from chance import THOROUGH
from commands import Commands
from hooks import emit
from installed import Installed
from journal.cli.screen.sync_report import report_text
from journal.errors import UsageError
from journal.layout import Layout
from journal.record import record
from journal.redaction import private_marks
from journal.redaction.exclusions import Exclusions
from journal.redaction.redactor import Redactor
from journal.settings.sections import Capture
from journal.settings.sources import load_settings
from recordings import Firing
from sync import cycle
from sync.conditions import Pass
from sync.forgetting import excluded_lines
from sync.ingest.screening import Screen

GONE, KEPT = "zebra-quartz-4711", "harmless-words"
DAY_SECONDS = 86_400
SECRET = "/srv/secret"
RULES = f'[capture]\nexclude_projects = ["{SECRET}"]\nexclude_tools = ["mcp__*", "Read"]\n'


def line(event: str, number: int, cwd: str | None = "/srv/open", **payload: object) -> bytes:
    body: dict[str, object] = {"session_id": "s"} | ({"cwd": cwd} if cwd else {})
    return recordings.line(event, body | payload, recordings.START_NS + number * 10**9)


def day_file(home: Path, session: str = "s") -> Path:
    day = emit.utc(recordings.START_NS)[:10]
    return home / "days" / day / f"claude-code.{session}.jsonl"


def write(home: Path, *lines: bytes, session: str = "s", rules: str = RULES) -> Path:
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(rules)
    recordings.append(day_file(home, session), b"".join(lines))
    return day_file(home, session)


def mixed() -> list[bytes]:
    """A session that goes into an excluded folder and out of it, and uses excluded tools."""
    return [
        line("UserPromptSubmit", 0, prompt=f"{KEPT} 0"),
        line("UserPromptSubmit", 1, SECRET, prompt=GONE),
        line("Stop", 2, None, last_assistant_message=GONE),
        line("PreToolUse", 3, tool_name="Read", tool_input={"file_path": GONE}),
        line("UserPromptSubmit", 4, prompt=f"{KEPT} 4"),
        line("Stop", 5, None, last_assistant_message=f"{KEPT} 5"),
        line("PostToolUse", 6, tool_name="mcp__x__y", tool_response=GONE),
    ]


def kept(lines: list[bytes]) -> list[bytes]:
    return [one for one in lines if KEPT.encode() in one]


def holders(word: str, *folders: Path) -> list[str]:
    """The files that hold a word, packs unpacked, by their paths."""
    found = []
    for folder in folders:
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            data = path.read_bytes()
            data += gzip.decompress(data) if path.suffix == ".gz" else b""
            if word.encode() in data:
                found.append(str(path.relative_to(folder)))
    return found


def fire(installed: Installed, event: str, **payload: object) -> None:
    body = json.dumps({"session_id": "live", "hook_event_name": event, **payload}).encode()
    one = Firing(event, 0, {"CLAUDE_CODE_SESSION_ID": "live"}, body)
    (done,) = firing.fire(installed.settings, one, installed.folder)
    assert (done.code, done.stderr) == (0, b"")


def test_no_byte_of_it_leaves_the_day_files_and_those_lose_it(installed: Installed) -> None:
    home, folder = installed.home, installed.folder
    secret, link = folder / "secret", folder / "link"
    secret.mkdir()
    link.symlink_to(secret)
    rules = f'[capture]\nexclude_projects = ["{link}"]\nexclude_tools = ["mcp__*"]\n'
    (home / "config.toml").write_text(rules)
    cwd, hidden = str(folder), "opal-onyx-0815"
    private_prompt = f"{KEPT} <private>\n{hidden}</Private> and <PRIVATE>{hidden}"
    fire(installed, "SessionStart", cwd=str(secret / "deep"), source="startup", more=GONE)
    fire(installed, "UserPromptSubmit", cwd=str(secret), prompt=GONE)
    fire(installed, "UserPromptSubmit", cwd=cwd, prompt=private_prompt)
    fire(installed, "PreToolUse", cwd=cwd, tool_name="mcp__x__y", tool_input={"text": GONE})
    fire(installed, "PreToolUse", cwd=cwd, tool_name="Bash", tool_input={"command": KEPT})
    (path,) = home.glob("days/*/*live.jsonl")
    torn = b'{"session_id":"live","cwd":"%s","prompt":"%s'
    recordings.append(path, torn % (bytes(secret), GONE.encode()) + b"\n")
    recordings.append(path, torn % (cwd.encode(), b"<private>" + hidden.encode()) + b"\n")
    spool = Layout.at(home).spool
    spool.mkdir(parents=True)
    for place in (spool.parent, spool):
        place.chmod(0o700)
    part = spool / "claude-code.live.0.part"
    part.write_bytes(torn % (bytes(secret), GONE.encode()))
    os.utime(part, (1, 1))
    report = json.loads(installed.journal("sync", "--json"))
    assert report["records"] == {
        "read": 7, "stored": 2, "duplicate": 0, "rejected": 1, "excluded": 4, "copied": 0
    }  # fmt: skip
    assert holders(GONE, home, spool) == []
    assert holders(hidden, home, spool) == [str(path.relative_to(home))]
    assert len(holders("[private]", home)) >= 2  # the database and dead/
    assert "[private]" in installed.journal("show")
    assert "Nothing new" in installed.journal("sync")
    later_us = (time.time_ns() + 10 * DAY_SECONDS * 10**9) // 1000
    layout = Layout.at(home)
    packed = cycle.run(Pass(layout, load_settings(layout, {}), later_us)).packed
    assert len(packed.days) == 1
    assert len(holders(KEPT, home / "packs")) == 1
    assert holders(hidden, home) == holders(GONE, home) == []


@pytest.mark.parametrize(
    ("entry", "folder", "excluded"),
    [
        ("/a/b", "/a/b", True),
        ("/a/b/", "/a/b/c", True),
        ("/a/b", "/a/bc", False),
        ("/a/b", "/a", False),
        ("/a/b", "//a//x/../b/./c", True),
        ("/a/b", "a/b", False),
        ("/", "/any/where", True),
        ("~/p", "{home}/p/x", True),
        ("~", "{home}/x", True),
        ("~/p*", "{home}/private/x", True),
        ("~/p*", "/elsewhere/private", False),
        ("~no-such-user/x", "/x", False),
        ("{tmp}/link", "{tmp}/real/x", True),
        ("{tmp}/real", "{tmp}/link/x", True),
        ("{tmp}/link/n*", "{tmp}/real/new", True),
        ("{tmp}/real/n?w", "{tmp}/link/new/x", True),
        ("{tmp}/gone/x", "{tmp}/gone/x/y", True),
        ("*/secret-*", "/w/secret-1/deep/er", True),
        ("*/secret-*", "/w/not-secret-1", False),
        ("/w/[ab]/", "/w/b/c", True),
        ("/w/[ab]", "/w/c", False),
        ("/w/[id]", "/w/[id]/x", True),
        ("/w/X", "/w/x", False),
        ("/a/b", "/a/b/" + "c/" * 9_000, False),
        ("/a/b", "/a/b/\0", True),
        ("/a/b", "", False),
    ],
)
def test_a_folder_is_excluded_with_what_lies_below_it(
    tmp_path: Path, scratch_home: Path, entry: str, folder: str, excluded: bool
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    entry, folder = (
        text.replace("{tmp}", str(tmp_path)).replace("{home}", str(scratch_home))
        for text in (entry, folder)
    )
    rules = Exclusions(Capture(exclude_projects=(entry,)))
    assert rules
    assert [rules.cover_folder(folder) for _ in range(2)] == [excluded] * 2


def test_tools_are_excluded_by_name_or_glob_and_case_counts() -> None:
    rules = Exclusions(Capture(exclude_tools=("Read", "mcp__x__*")))
    names = ("Read", "ReadMe", "read", "mcp__x__y", "mcp__y__x")
    assert [rules.cover_tool(name) for name in names] == [True, False, False, True, False]
    assert not Exclusions(Capture())


def test_an_excluded_project_that_is_not_a_path_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[capture]\nexclude_projects = ["~/a", "private"]\n')
    with pytest.raises(UsageError, match=r"exclude_projects, item 2, must be an absolute path"):
        load_settings(Layout.at(tmp_path), {})


def check_mixed(home: Path, lines: list[bytes]) -> None:
    """Of `lines` the home holds what is not excluded, byte for byte, and nothing of the rest."""
    wanted = sorted(kept(lines))
    found = [path.read_bytes() for path in home.glob("days/*/claude-code.*")]
    assert sorted(one + b"\n" for one in b"".join(found).split(b"\n") if one) == wanted
    ids = [(bytes.fromhex(json.loads(one)["id"]),) for one in wanted]
    assert sorted(stored.rows(home, "select id from events")) == sorted(ids)
    assert holders(GONE, home) == []
    assert not list(home.glob("days/*/*.forgotten")) + list(home.glob("days/*/.*"))
    sizes = sum(path.stat().st_size for path in home.glob("days/*/*"))
    assert int((home / "synced").read_text()) == sizes
    stored.check(home)


def test_a_file_that_holds_other_lines_keeps_them_byte_for_byte(tmp_path: Path) -> None:
    lines = mixed()
    path = write(tmp_path, *lines)
    whole = write(tmp_path, *[line("Stop", n, SECRET, more=GONE) for n in range(3)], session="t")
    report = stored.sync(tmp_path)
    assert (report.read, report.stored, report.excluded, report.rejected) == (10, 3, 7, 0)
    assert ", 7 excluded by the configuration.\n" in report_text(report, 0)
    check_mixed(tmp_path, lines)
    assert not whole.exists()
    more = line("UserPromptSubmit", 9, prompt=KEPT)
    recordings.append(path, more)
    report = stored.sync(tmp_path)
    assert (report.read, report.duplicate) == (1, 0)  # under the cursor of the file before
    assert stored.sync(tmp_path).read == 0
    check_mixed(tmp_path, [*lines, more])
    before = stored.views(tmp_path)
    for database in tmp_path.glob("journal.db*"):
        database.unlink()
    stored.sync(tmp_path)
    assert stored.views(tmp_path) == before


def test_who_names_no_folder_belongs_where_the_one_before_did(tmp_path: Path) -> None:
    cut = b'{"session_id":"s","tool_name":"%s","cwd":"%s","x":"%s'
    cut_off = [
        cut % (b"Bash", SECRET.encode(), GONE.encode()),
        cut % (b"Read", b"/srv/open", GONE.encode()),
        cut % (b"Bash", b"/srv/open", KEPT.encode()),
    ]
    raw = [recordings.line("PreToolUse", one, recordings.START_NS + 9) for one in cut_off]
    top = b',"git":{"top":"%s"},"payload":' % SECRET.encode()
    start = line("SessionStart", 5, None, more=GONE).replace(b',"payload":', top)
    lines = [
        line("Stop", 0, None, more=KEPT),
        *raw[:1],
        line("Stop", 1, None, more=GONE),
        line("PreToolUse", 2, tool_name="Read", more=GONE),
        line("Stop", 3, None, more=KEPT),
        start,
        line("Stop", 6, None, more=GONE),
        *raw[1:],
        line("Stop", 7, None, more=KEPT),
        start,
        line("Stop", 8, None, session_id="t", more=KEPT),
    ]
    write(tmp_path, *lines)
    assert stored.sync(tmp_path).excluded == 7
    check_mixed(tmp_path, lines)


def test_a_pass_before_a_command_leaves_the_files_to_the_next_one(tmp_path: Path) -> None:
    lines = [line("Stop", 0, SECRET, more=GONE), line("Stop", 1, None, more=GONE)]
    path = write(tmp_path, lines[0])
    assert stored.sync(tmp_path, packs=False).excluded == 1
    recordings.append(path, lines[1])
    assert stored.sync(tmp_path, packs=False).excluded == 1
    assert path.read_bytes() == b"".join(lines)
    assert stored.sync(tmp_path).read == 0
    assert not path.exists()
    check_mixed(tmp_path, [])


def test_records_that_are_not_excluded_any_more_are_synced(tmp_path: Path) -> None:
    path = write(tmp_path, line("Stop", 0, SECRET, more=GONE))
    stored.sync(tmp_path, packs=False)
    (tmp_path / "config.toml").write_text("")
    stored.sync(tmp_path)
    assert stored.sync(tmp_path).stored == 1
    assert path.exists()


def test_a_large_file_is_not_rewritten_for_each_line_while_it_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excluded_lines, "GROWING_BYTES", 100)
    lines = mixed()
    path = write(tmp_path, *lines)
    whole = write(tmp_path, *[line("Stop", n, SECRET, more=GONE) for n in range(3)], session="t")
    now = stored.NOW_US / 1e6
    os.utime(path, (now, now - 59))
    os.utime(whole, (now, now - 59))
    assert stored.sync(tmp_path).stored == 3
    assert path.read_bytes() == b"".join(lines)
    assert not whole.exists()
    os.utime(path, (now, now - 61))
    assert stored.sync(tmp_path).read == 0
    check_mixed(tmp_path, lines)


def test_a_hook_that_has_the_file_open_loses_nothing(tmp_path: Path) -> None:
    lines = mixed()
    path = write(tmp_path, *lines)
    late = line("Stop", 20, more=KEPT)
    before = path.stat().st_ino

    def hook() -> None:
        with path.open("ab", buffering=0) as file:
            opened.set()
            while path.exists() and path.stat().st_ino == before:
                time.sleep(0.001)
            time.sleep(0.05)
            file.write(late)

    opened = threading.Event()
    thread = threading.Thread(target=hook)
    thread.start()
    opened.wait()
    stored.sync(tmp_path)
    thread.join()
    stored.sync(tmp_path)
    check_mixed(tmp_path, [*lines, late])


WRITER = """
import json, sys, time
from hooks import emit
home, count = sys.argv[1], int(sys.argv[2])
for number in range(count):
    gone = number % 3 == 0
    body = {"session_id": "s", "cwd": "/srv/secret" if gone else "/srv/open",
            "more": "zebra-quartz-4711" if gone else "harmless-words"}
    line, _, _ = emit.record("claude-code", "Stop", json.dumps(body).encode(), time.time_ns(), {})
    emit.append(home, "claude-code.s", line, time.time_ns(), False)
    sys.stdout.buffer.write(line)
    time.sleep(0.0005)
"""


def test_hooks_that_append_while_files_are_rewritten_lose_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text(RULES)
    command = [sys.executable, "-c", WRITER, str(home), "1000"]
    outputs = [(tmp_path / name).open("w+b") for name in "ab"]
    writers = [subprocess.Popen(command, stdout=output) for output in outputs]
    passes = 0
    while any(writer.poll() is None for writer in writers):
        passes += stored.sync(home).excluded > 0
    assert passes > 1
    assert [writer.returncode for writer in writers] == [0, 0]
    stored.sync(home)
    stored.sync(home)
    written = []
    for output in outputs:
        with output:
            output.seek(0)
            written += output.readlines()
    assert len(written) == 2000
    check_mixed(home, written)


def stamp_is_no_more_than_there_is(home: Path) -> bool:
    """Else SessionStart would take what is new for known."""
    sizes = sum(path.stat().st_size for path in home.glob("days/*/*.jsonl"))
    stamp = home / "synced"
    return not stamp.exists() or int(stamp.read_text()) <= sizes


STEP = 1 if THOROUGH else 2  # which of the moments of a pass it is killed at


@pytest.mark.parametrize(
    ("is_read", "moments"),
    [
        (False, (*range(60, 180, 20 * STEP), *range(184, 244, 3 * STEP))),
        (True, range(20, 60, 2 * STEP)),
    ],
)
def test_a_kill_at_any_moment_is_made_good_by_the_next_pass(
    tmp_path: Path, is_read: bool, moments: Iterable[int]
) -> None:
    ends = []
    for dies_at in moments:
        home = tmp_path / str(dies_at)
        lines = mixed()
        write(home, *lines)
        if is_read:
            stored.sync(home, packs=False)
        else:
            write(home, line("Stop", 1, SECRET, more=GONE), session="t")
        ends.append(killed_pass.run(home, dies_at))
        assert stamp_is_no_more_than_there_is(home)
        stored.sync(home)
        stored.sync(home)
        check_mixed(home, lines)
    assert ends.count(False) > 15 // STEP


def test_excluded_records_stay_stored_until_a_rebuild(tmp_path: Path) -> None:
    lines = mixed()
    path = write(tmp_path, *lines, rules="")
    assert stored.sync(tmp_path).stored == len(lines)
    (tmp_path / "config.toml").write_text(RULES)
    more = line("Stop", 30, more=KEPT)
    recordings.append(path, more)
    assert stored.sync(tmp_path).stored == 1
    assert stored.rows(tmp_path, "select count(*) from events") == [(len(lines) + 1,)]
    assert stored.sync(tmp_path, rebuild=True).rebuilt is not None
    check_mixed(tmp_path, [*lines, more])


def test_an_import_leaves_out_what_is_excluded(tmp_path: Path, commands: Commands) -> None:
    other, home = tmp_path / "other", tmp_path / "home"
    lines = mixed()
    guest = line("Stop", 2, None, session_id="t", more=KEPT).replace(
        b'"session":"s"', b'"session":"t"'
    )
    write(other, *lines, rules="")
    write(other, guest, session="t", rules="")
    assert commands.run(other, "sync").code == 0
    exported = commands.run(other, "export", "--format", "jsonl").stdout
    (tmp_path / "all.jsonl").write_text(exported)  # sessions in it take turns
    home.mkdir()
    (home / "config.toml").write_text(RULES)
    for source in (other, tmp_path / "all.jsonl"):
        for options in (["--dry-run"], []):
            done = commands.run(home, "import", *options, "--json", str(source)).json
            assert (done["records"], done["excluded"]) == (8, 4)
            assert done["imported"] + done["known"] == 4
    assert not holders(GONE, home)
    assert len(stored.rows(home, "select id from events")) == 4
    assert "4 excluded by the configuration" in commands.run(home, "import", str(other)).stdout


def test_private_parts_are_removed_only_from_prompts_and_transcripts() -> None:
    screen = Screen(Redactor(bytes(32)))
    text = rb'{"prompt":"a \u003cprivate\u003eb<\/private>","x":[{"\u0050":"<private>c"}],"n":NaN}'
    clean = rb'{"prompt":"a [private]","x":[{"\u0050":"[private]"}],"n":NaN}'

    def body(agent: str, event: str, data: bytes = text) -> bytes:
        made = record.Record(bytes(16), 0, agent, event, "s", {}, data, False)
        return screen.body(made, clean=True)

    prompts = ("UserPromptSubmit", "UserPromptExpansion", "Transcript", "History")
    assert {body("claude-code", event) for event in prompts} == {clean}
    assert body("of-tomorrow", "Anything") == clean
    for agent, event in (("claude-code", "PostToolUse"), ("journal", "Summary")):
        assert body(agent, event) is text
    nested = json.dumps({"prompt": json.dumps({"a": "<private>x</private>y"}, indent=1)})
    escaped = nested.replace("<", "\\\\u003C").encode()
    assert b"x" not in body("claude-code", "UserPromptSubmit", escaped)
    assert b"y" in body("claude-code", "UserPromptSubmit", escaped)


PIECES = st.lists(
    st.sampled_from(["<private>", "</private>", "<PRIVATE >", "</Private>", "\\", '"', "\n", "é"])
    | st.text(st.characters(exclude_categories=()), max_size=5)
)
SPELLING = {"<": [r"\u003c", r"\u003C"], ">": [r"\u003e"], "/": [r"\/"], "p": [r"\u0070"]}


def expected(text: str) -> str:
    """What must be left, worked out with a count and without spans."""
    out, depth = "", 0
    for part in re.split(r"(</?private[ \t\r\n]*>)", text, flags=re.IGNORECASE | re.ASCII):
        opens = re.fullmatch(r"<private\s*>", part, re.IGNORECASE | re.ASCII)
        closes = re.fullmatch(r"</private\s*>", part, re.IGNORECASE | re.ASCII)
        out += "[private]" if opens and not depth else part if not (opens or depth) else ""
        depth += 1 if opens else -1 if closes and depth else 0
    return out


@given(PIECES, PIECES, st.randoms(use_true_random=False), st.booleans())
@example(["a</private>b"], ["<private>", "<private>", "x", "</private>", "y"], None, False)
def test_json_stays_json_and_nothing_between_the_tags_is_left(
    first: list[str], second: list[str], random: Any, ascii_only: bool
) -> None:
    values = ["".join(first), {"k": "".join(second)}, 1, None]
    data = json.dumps(values, ensure_ascii=ascii_only).encode("utf-8", "backslashreplace")
    if random is not None:
        for plain, escapes in SPELLING.items():
            parts = data.split(plain.encode())
            for number in range(len(parts) - 1):
                spelled = random.choice([plain, *escapes]).encode()
                if not parts[number].endswith(b"\\"):
                    parts[number] += spelled
                else:
                    parts[number] += plain.encode()
            data = b"".join(parts)
    before = json.loads(data)
    after = private_marks.without_private(data)
    wanted = [expected(before[0]), {"k": expected(before[1]["k"])}, 1, None]
    assert json.loads(after) == wanted
    assert (after is data) == (wanted == before)
    assert private_marks.without_private(after) == after


@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_invalid_json_is_accepted(data: bytes) -> None:
    for torn in (data, b'{"prompt":"<private>' + data):
        private_marks.without_private(torn)
        private_marks.text_without_private(torn.decode("utf-8", "surrogateescape"))


def test_hostile_runs_take_no_time() -> None:
    began = time.monotonic()
    for data in (b"\\" * 1_000_001, b"<" * 1_000_000, b"<private " * 100_000, b"<\\" * 500_000):
        private_marks.without_private(b'{"a":"private ' + data + b'\\\\"}')
        private_marks.text_without_private("private " + data.decode())
    assert time.monotonic() - began < 30


def test_the_key_of_a_folder_is_let_through_and_a_token_in_it_is_not() -> None:
    screen = Screen(Redactor(b"k" * 32))
    for key, is_kept in (
        ("path:ea9fd90903bf496bbc93b8a4b3feeba9:/srv/shop", True),
        ("path:ghp_a9B8c7D6e5F4g3H2i1J0k9L8m7N6o5P4q3R2", False),
    ):
        line = recordings.line("Stop", {"session_id": "s"}, recordings.START_NS)
        made = record.parse(line.rstrip())._replace(origin={"git": {"key": key}})
        kept = screen.record(made).origin["git"]["key"]
        assert (kept == key) is is_kept
        assert is_kept or "[redacted:" in kept
