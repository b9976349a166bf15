"""The kill storm in its short form; `make storm` is the long one."""

import re
import subprocess
import sys
from pathlib import Path

from places import STORMS

STORM = STORMS / "storm.py"
KILLS = 100


def test_what_is_killed_at_random_loses_and_doubles_nothing(tmp_path: Path) -> None:
    command = [sys.executable, str(STORM), "--kills", str(KILLS), "--seed", "11"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    counted = re.search(
        r"torn lines: (\d+)\nrecords: (\d+) .*, (\d+) stored meanwhile", done.stdout
    )
    assert counted is not None
    torn, records, meanwhile = map(int, counted.groups())
    assert torn > 10
    assert records >= meanwhile > 100, "no pass came so far as to store anything: it shows nothing"
