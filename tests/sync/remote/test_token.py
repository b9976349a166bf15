"""The token of a remote: from the environment or a program."""

import os
import sys
from pathlib import Path

import pytest

from sync.remote.contract import (
    RemoteError,
    Then,
)
from sync.remote.token import token
from tests.sync.remote.test_mindspring import settings


def variables(**more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"]} | more


def test_the_token_comes_from_the_variable_that_is_named() -> None:
    named = settings("http://h", token_env="MY_TOKEN")
    assert token(named, variables(MY_TOKEN=" ms_1\n", MINDSPRING_API_KEY="ms_2")) == "ms_1"
    with pytest.raises(RemoteError, match="MY_TOKEN") as caught:
        token(named, variables(MINDSPRING_API_KEY="ms_2"))
    assert (caught.value.kind, caught.value.then) == ("no_token", Then.PAUSE)


def test_without_a_setting_the_service_s_own_variables_count() -> None:
    plain = settings("http://h")
    both = variables(MINDSPRING_INGEST_TOKEN="ms_1", MINDSPRING_API_KEY="ms_2")
    assert token(plain, both) == "ms_1"
    assert token(plain, variables(MINDSPRING_API_KEY="ms_2")) == "ms_2"
    with pytest.raises(RemoteError, match="MINDSPRING_INGEST_TOKEN or MINDSPRING_API_KEY"):
        token(plain, variables(MINDSPRING_INGEST_TOKEN=""))


def test_a_program_may_print_the_token() -> None:
    command = [sys.executable, "-c", "print('ms_3')"]
    chosen = settings("http://h", token_command=command, token_env="MY_TOKEN", timeout_seconds=10)
    assert token(chosen, variables()) == "ms_3"
    assert token(chosen, variables(MY_TOKEN="ms_1")) == "ms_1"
    assert token(settings("http://h", token_command=command, timeout_seconds=10), {}) == "ms_3"


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (["no-such-program-here"], "not found"),
        ([sys.executable, "-c", "print('ms_secret'); exit(3)"], "exit code 3"),
        ([sys.executable, "-c", "import sys; sys.exit('ms_secret')"], "exit code 1"),
        ([sys.executable, "-c", "pass"], "printed nothing"),
        ([sys.executable, "-c", "print('ms_secret' * 100_000)"], "more than"),
        (["/bin/sh", "-c", "echo ms_secret; sleep 60"], "did not end within"),
    ],
)
def test_a_program_that_prints_none_is_named_without_what_it_said(
    command: list[str], text: str
) -> None:
    chosen = settings("http://h", token_command=command, timeout_seconds=2)
    with pytest.raises(RemoteError, match=text) as caught:
        token(chosen, variables())
    assert (caught.value.kind, caught.value.then) == ("no_token", Then.PAUSE)
    assert "ms_secret" not in str(caught.value)
    assert Path(command[0]).name in str(caught.value)
