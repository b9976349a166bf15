"""The storm over the archive in its short form; `make storm` runs the long one."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from places import STORMS

STORM = STORMS / "archive_storm.py"
KILLS = 20


@pytest.mark.parametrize("kind", ["mindspring", "folder"])
def test_whoever_is_killed_while_delivering_everything_arrives_once(
    tmp_path: Path, kind: str
) -> None:
    command = [sys.executable, str(STORM), "--kills", str(KILLS), "--seed", "5", "--kind", kind]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    counted = re.search(r"answers: (\d+), once each in (\d+) pieces,\n(\d+) of them", done.stdout)
    assert counted is not None
    texts, pieces, before = map(int, counted.groups())
    assert texts > pieces > before > 3, "no delivery came to its end: it shows nothing"
