"""SessionStart: keep the record, then print what earlier sessions of its project did.

Run by `run.py` in place of the emitter. It opens no database: it prints what the syncer prepared,
and only if records wait to be synced does it run a local pass first, with a deadline. Recording
comes first; any error after it means silence and exit 0.
"""

import os
import time

from hooks import emit
from hooks.autostart import autostart
from hooks.belonging import context_key, shown_commit
from hooks.context import compose, count, is_running, last_us, parsed, unescape
from hooks.front_end import front_end as front_end_of
from hooks.local_pass import local_pass, read_file, unsynced
from hooks.project import Place, locate

PASS_ENDS_SECONDS = 1.15  # after the hook's start: then the local pass is killed
_FRESH = "new"  # what Copilot CLI calls `startup`
# Codex cuts a longer text in its middle: 2,500 tokens of 4 bytes each.
_MOST_BYTES = {"codex": 9_900}
# Those that show a message to the person where it disturbs nothing.
_WITH_MESSAGE = ("claude-code",)


def record(argv: list[str], data: bytes) -> tuple[Place | None, int]:
    """Keep the record with its project's place, always; the bytes it took."""
    place, git, front_end = None, b"", ""
    scope = emit.option(argv, emit.HOME) or emit.home_id(argv[1]) or os.uname().nodename
    try:
        place = locate(_directory(data), scope)
        said = {name: getattr(place, name) for name in ("key", "name", "top", "branch", "head")}
        if place.folder:
            said["folder"] = place.folder
        if shown := shown_commit(argv[1], place):
            said["shown"] = shown
        git = b',"git":{%s}' % b",".join(
            b'"%s":%s' % (name.encode(), emit.quote(text.encode("utf-8", "replace")))
            for name, text in said.items()
        )
        front_end = front_end_of(argv[2], emit.option(argv, emit.PID))
    except Exception:  # noqa: BLE001, S110 - a record without its place beats none
        pass
    try:
        return place, emit.keep(argv, data, git, front_end)
    except OSError:  # neither the home nor the spool can be written: there is nothing left to do
        return place, 0


def _directory(data: bytes) -> str:
    named = unescape(emit.string_field(data, b"cwd").decode("utf-8", "replace"))
    return named or os.getcwd()


def print_context(
    argv: list[str], data: bytes, place: Place, own_bytes: int, started: float
) -> None:
    """Print the context, if this kind of start gets one and the context has content."""
    home = argv[1]
    source, session = (
        unescape(field.decode("utf-8", "replace"))
        for field in (emit.string_field(data, b"source"), emit.session_field(data))
    )
    source = "startup" if source in (_FRESH, "") else source
    path = f"{home}/contexts/{emit.fingerprint(context_key(home, place))}"
    before = read_file(f"{path}.tsv")
    allowed = parsed(before)
    if source not in allowed.sources or not allowed.sessions:
        return
    since_us = last_us(before, session) or 0  # before the pass reads this very start
    if source == "startup":
        own_bytes = max(own_bytes, _written(home, emit.file_name(argv[2], session)))
    if source == "fork" and not since_us:
        since_us = _answered_us(data)  # the fork has the conversation up to then
    result, missing, missing_bytes = "done", list[tuple[int, str]](), 0
    if unsynced(home, own_bytes)[0]:
        result, missing = local_pass(home, started + PASS_ENDS_SECONDS)
        if result != "done":
            missing_bytes = unsynced(home, own_bytes)[1]
    # The pass has read that this folder belongs to the project, or that it does not.
    path = f"{home}/contexts/{emit.fingerprint(context_key(home, place))}"
    prepared = read_file(f"{path}.tsv")
    own = emit.option(argv, emit.PID)
    context, blocks = compose(
        prepared,
        session,
        source,
        place.name,
        missing,
        missing_bytes,
        since_us,
        lambda host, pid: str(pid) != own and is_running(host, pid),
        _MOST_BYTES.get(argv[2]),
    )
    message = ""
    if result == "failed":
        message = "could not sync (run: journal status)"
    elif blocks and _first_time(f"{path}.seen"):
        name = parsed(prepared).project
        message = f"context of {count(blocks, 'earlier session')} of {name} added"
    say(argv[2], context, message)


def _written(home: str, name: str) -> int:
    """How much the hooks of a new session have written by now: some agents run several at once."""
    try:
        return os.stat(f"{home}/days/{emit.utc(time.time_ns())[:10]}/{name}.jsonl").st_size
    except OSError:
        return 0


def _answered_us(data: bytes) -> int:
    """When the conversation had its last answer, microseconds since 1970; now if it is not said."""
    now_us = time.time_ns() // 1000
    _, found, rest = data.partition(b'"seconds_since_last_response":')
    digits = rest.lstrip()[:20].split(b".")[0].split(b",")[0].split(b"}")[0].strip()
    return now_us - int(digits) * 1_000_000 if found and digits.isdigit() else now_us


def _first_time(marker: str) -> bool:
    try:
        os.close(os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError:
        return False
    return True


def say(agent: str, context: str, message: str) -> None:
    """One JSON object on stdout, as the agent wants it, of texts that are escaped already.

    Nothing if there is nothing to say.
    """
    output = f'"additionalContext":"{context}"'
    if agent != "copilot-cli":
        output = f'"hookSpecificOutput":{{"hookEventName":"SessionStart",{output}}}'
    fields = [output] if context else []
    if message and agent in _WITH_MESSAGE:
        fields.append(f'"systemMessage":"agent-journal: {message}"')
    rest = f"{{{','.join(fields)}}}\n".encode("ascii") if fields else b""
    while rest:
        rest = rest[os.write(1, rest) :]


def main(argv: list[str], watched: "emit.Watched | None" = None) -> None:
    """Keep stdin as one record, print the context, see to a watcher, leave with exit code 0."""
    started = time.monotonic()
    os.umask(0o077)
    if emit.is_off(argv[1], argv[2]):
        os._exit(0)
    emit.watch(argv, watched)
    chunks: list[bytes] = []
    try:
        data = emit.read_stdin(chunks=chunks)
        emit.limit_wait(argv, chunks, watched)
        place, own_bytes = record(argv, data)
        try:
            if place is not None:
                print_context(argv, data, place, own_bytes, started)
        finally:
            autostart(argv[1])
    except MemoryError:
        emit.keep_raw(argv, chunks)
    finally:
        os._exit(0)  # after any error: the record is kept, and the agent must not be disturbed
