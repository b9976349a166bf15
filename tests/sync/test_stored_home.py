"""A home that an older version left is used as it is: same rows, same export to the byte."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

import stored
from journal import cli
from places import DATA

QUERIES = {
    "events": """
        select e.id, s.agent, s.id, e.at_us, e.name
        from events e join sessions s on s.key = e.session order by 1""",
    "own_facts": "select id, name from own_facts order by 1",
    "sessions": """
        select agent, id, last_us, last_id, status, project, title, ended_us, prompts
        from session_states order by 1, 2""",
    "prompts": """
        select e.id, o.author <> 'machine', s.id
        from items o join events e using (seq) join sessions s on s.key = o.session
        where o.kind = 'prompt' order by 1""",
    "observations": """
        select s.id, o.name, o.tool, o.ok, 0, o.file
        from items o join sessions s on s.key = o.session where o.kind = 'call' order by 1, 2""",
    "usage": """
        select s.id, substr(message, 1, instr(message || '/', '/') - 1), model, input, output,
          cache_read, cache_write
        from usage u join sessions s on s.key = u.session order by 1, 2, 3""",
    "summaries": """
        select s.agent, s.id, v.summary
        from summaries v join sessions s on s.key = v.session order by 1, 2""",
    "memory_ids": "select agent, session, memory_id from memory_ids order by 1, 2",
    "pins": "select agent, session, pinned from pins order by 1, 2",
}


@pytest.fixture(params=sorted(path.name for path in (DATA / "homes").glob("*.tar.gz")))
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with `home/`, and with what the version that left it exported and had in rows."""
    with tarfile.open(DATA / "homes" / request.param) as archive:
        archive.extractall(tmp_path, filter="tar")
    return tmp_path


def rows(home: Path) -> dict[str, list[Any]]:
    found = {name: stored.rows(home, query) for name, query in QUERIES.items()}
    return {
        name: [[v.hex() if isinstance(v, bytes) else v for v in row] for row in table]
        for name, table in found.items()
    }


@pytest.mark.parametrize("command", [("sync",), ("sync", "--rebuild")])
def test_an_older_home_has_the_same_rows_and_the_same_export(
    older: Path, command: tuple[str, ...]
) -> None:
    home, export = older / "home", older / "again.jsonl"
    waiting = sorted(path.name for path in (home / "retry").iterdir())
    (dead,) = (home / "dead").iterdir()
    reported = dead.read_bytes()
    for one in (command, ("export", "--format", "jsonl", "--output", str(export))):
        assert cli.run(["--home", str(home), *one]) == 0
    before = json.loads((older / "rows.json").read_text())
    for row in before["sessions"]:  # counted by steps of the conversation now: starts and events
        del row[9], row[7]
    assert rows(home) == before
    assert export.read_bytes() == (older / "export.jsonl").read_bytes()
    assert sorted(path.name for path in (home / "retry").iterdir()) == waiting
    assert dead.read_bytes() == reported
    stored.check(home)
