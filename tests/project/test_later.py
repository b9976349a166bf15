"""The clock of `make test-later` is ahead for every process, and for the times of files alike."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from places import FIXTURES

AHEAD_SECONDS = 400 * 86_400
LOOK = """
import os, sys, time
path = sys.argv[1]
open(path, "w").close()
with os.scandir(os.path.dirname(path)) as entries:
    (entry,) = entries
    print(time.time(), entry.stat().st_mtime)
os.utime(path, (time.time() - 50,) * 2)
print(time.time_ns() / 1e9, os.stat(path).st_mtime)
print(os.stat(os.__file__).st_mtime)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the clock is preloaded as on Linux")
def test_a_file_is_as_old_as_it_is_on_a_clock_that_is_ahead(tmp_path: Path) -> None:
    library = tmp_path / "clock.so"
    build = ["cc", "-shared", "-fPIC", "-o", library, FIXTURES / "clock_ahead.c", "-ldl"]
    subprocess.run(build, check=True)
    clock = {"LD_PRELOAD": str(library), "CLOCK_AHEAD_SECONDS": str(AHEAD_SECONDS)}
    (tmp_path / "files").mkdir()
    command = [sys.executable, "-c", LOOK, str(tmp_path / "files" / "one")]
    ahead = int(os.environ.get("CLOCK_AHEAD_SECONDS", "0"))
    before = time.time() - ahead + AHEAD_SECONDS
    out = subprocess.run(
        ["/bin/sh", "-c", '"$@"', "sh", *command],
        env={**os.environ, **clock},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    after = time.time() - ahead + AHEAD_SECONDS
    (now, written), (then, set_back), (source,) = [map(float, x.split()) for x in out.splitlines()]
    assert before - 1 < written <= now <= after + 1
    assert abs(then - set_back - 50) < 1
    assert source == Path(os.__file__).stat().st_mtime, "kept bytecode stays right"
