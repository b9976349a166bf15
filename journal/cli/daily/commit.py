"""A commit as people name it."""

import os
import subprocess

from journal.errors import JournalError, UsageError
from journal.printable import one_line
from sync.query.commits import Commit

_SECONDS = 10


def named(revision: str) -> Commit:
    """The commit of any revision of the current directory's repository.

    UsageError: the commit or the repository does not exist. JournalError: Git cannot be run.
    """
    command = ["git", "log", "-1", "--no-show-signature", "--format=%H %ct", "--end-of-options"]
    environ = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            [*command, f"{revision}^{{commit}}", "--"],
            capture_output=True, text=True, errors="replace", timeout=_SECONDS, env=environ,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise JournalError("git is not on $PATH", "install it") from error
    except subprocess.TimeoutExpired as error:
        raise JournalError("git did not answer", "try again") from error
    except ValueError as error:  # a NUL
        raise UsageError("--commit is not the name of a commit") from error
    sha, _, seconds = done.stdout.strip().partition(" ")
    if done.returncode or not seconds.isdecimal():
        said = one_line(done.stderr).removeprefix("fatal: ")[:120]
        hint = "run it in the repository, with a name that git knows"
        raise UsageError(f"no commit {one_line(revision)[:60]!r}: {said}", hint)
    return Commit(sha, int(seconds) * 1_000_000)
