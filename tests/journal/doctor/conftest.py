"""A user whose installation the doctor looks at."""

from pathlib import Path

import pytest

from tests.journal.doctor.patients import Patient


@pytest.fixture
def patient(
    scratch_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Patient:
    bin_folder = scratch_home / "bin"
    bin_folder.mkdir()
    (bin_folder / "claude").write_text("#!/bin/sh\necho '2.1.329 (Claude Code)'\n")
    (bin_folder / "claude").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}:/usr/bin:/bin")
    monkeypatch.setenv("COLUMNS", "80")
    work = scratch_home / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return Patient(scratch_home, capsys)
