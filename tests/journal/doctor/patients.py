"""A user with hooks, an agent and sessions, for the tests of the doctor."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

import reported
import stored
from journal import cli
from journal.layout import Layout
from journal.times import DAY_US

Findings = list[dict[str, Any]]


class Patient:
    """A user with the hooks installed, an agent on the PATH, and some sessions."""

    def __init__(self, user: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.user = user
        self.home = user / ".agent-journal"
        self.layout = Layout.at(self.home)
        self.settings = user / ".claude" / "settings.json"
        self._capsys = capsys
        self.run("install")
        # The doctor's clock is the real one: the sessions are of noon, four days ago.
        self.reported_us = (time.time_ns() // 1000 // DAY_US - 4) * DAY_US + DAY_US // 2
        reported.four_states(self.home, self.reported_us)
        for path in self.home.rglob("*"):  # as the emitter would have left them
            path.chmod(0o700 if path.is_dir() else 0o600)
        stored.sync(self.home)

    def run(self, *args: str, code: int = 0) -> str:
        self._capsys.readouterr()
        assert cli.run(["--home", str(self.home), *args]) == code, self._capsys.readouterr()
        return self._capsys.readouterr().out

    def doctor(self, *args: str, code: int = 0) -> Findings:
        return [
            json.loads(line) for line in self.run("doctor", "--json", *args, code=code).splitlines()
        ]

    def finds(self, check: str, status: str, words: str, *args: str) -> dict[str, Any]:
        """The finding of this check whose message has these words; exits as its findings say."""
        code = 1 if status == "error" else 0
        found = self.doctor(*args, code=code)
        (one,) = [f for f in found if f["check"] == check and words in f["message"]]
        assert (one["status"], bool(one["hint"])) == (status, status != "ok"), one
        return one

    def is_fixed(self, check: str, words: str) -> None:
        """`--fix` says so, and a second look finds nothing in that check."""
        found = self.doctor("--fix")
        (one,) = [f for f in found if f["check"] == check and f["fixed"]]
        assert words in one["message"]
        again = [f for f in self.doctor() if f["check"] == check]
        assert [f["status"] for f in again] == ["ok"], again

    def values(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.settings.read_text())
        return found

    def change(self, **keys: Any) -> None:
        self.settings.write_text(json.dumps(self.values() | keys))

    def configure(self, text: str) -> None:
        self.layout.config.write_text(text)
        self.layout.config.chmod(0o600)
