"""The findings about remotes, model programs and the clock."""

import os
import socket
import time

import pytest

import reported
import stored
from journal.record import own_facts
from journal.times import DAY_US
from tests.journal.doctor.patients import Patient

SERVER = '[remote]\nkind = "mindspring"\nworkspace = "w"\nmin_interval_seconds = 86400\nurl = '


def test_a_server_without_a_token_or_in_clear(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient.configure(SERVER + '"https://example.invalid"\n')
    patient.finds("remote", "error", "no token")
    monkeypatch.setenv("MINDSPRING_API_KEY", "key")
    patient.finds("remote", "ok", "mindspring")
    patient.configure(SERVER + '"http://example.invalid"\n')
    patient.finds("remote", "warning", "unencrypted")
    for host in ("127.0.0.1:9", "[::1]:9", "localhost:9"):
        patient.configure(SERVER + f'"http://{host}"\n')
        patient.finds("remote", "ok", "mindspring")


def test_a_folder_that_is_not_mounted_pauses_the_remote(patient: Patient) -> None:
    folder = patient.user / "share"
    patient.configure(f'[remote]\nkind = "folder"\npath = "{folder}"\nmin_interval_seconds = 0\n')
    patient.finds("remote", "error", "does not exist")
    patient.run("sync")
    patient.finds("remote", "error", "paused since")
    folder.mkdir()
    patient.run("replay", "--all")
    patient.finds("remote", "ok", "folder")


def test_a_server_that_does_not_answer_and_pieces_that_wait(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINDSPRING_API_KEY", "key")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    text = SERVER.replace("86400", "0") + f'"{address}"\nconnect_timeout_seconds = 1\n'
    patient.configure(text)
    patient.run("sync")
    patient.finds("remote", "warning", "in a row")
    for path in patient.layout.retry.iterdir():
        path.rename(path.with_name(f"{1_700_000_000_000_000:017d}-{path.name[18:]}"))
    patient.finds("remote", "warning", "in retry/, the oldest for")


def test_a_memory_agent_that_cannot_be_found(patient: Patient) -> None:
    patient.configure('[memory]\nagent = "command"\ncommand = ["no-such-model", "-p"]\n')
    patient.finds("memory", "error", "no-such-model")
    patient.configure('[memory]\nagent = "command"\ncommand = ["claude", "-p"]\n')
    patient.finds("memory", "ok", "bin/claude")
    payload = {"agent": "claude-code", "class": "exit", "message": "it ended with code 3"}
    who = ("claude-code", "aaaaaa01")
    own_facts.append(patient.layout, "ModelFailure", who, payload, time.time_ns())
    stored.sync(patient.home)
    patient.finds("memory", "warning", "failed: it ended with code 3")


def test_records_of_the_future_and_a_clock_that_was_set_back(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead_us = time.time_ns() // 1000 + 2 * DAY_US
    reported.tell(patient.home, "future", "UserPromptSubmit", 0, now_us=ahead_us, prompt="hello")
    stored.sync(patient.home)
    patient.finds("clock", "warning", "newest record is from the future")
    os.utime(patient.layout.synced, (time.time() + 7200, time.time() + 7200))
    patient.finds("clock", "error", "behind the newest file of the home")
