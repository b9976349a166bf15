"""A thousand made-up sessions, and two hundred questions whose answers they hold.

An answer is known from what was written: which session talked of something, changed a file, ran a
command, or overcame an error. Sessions share their words, files and programs as those of real
projects do; a question uses other forms of the words, and an error other numbers and paths.
"""

import random
from pathlib import Path
from typing import Any, NamedTuple

import recordings
from hooks import emit

SEED = 18
SESSIONS = 1_000
PROJECTS = 20
KINDS = ("search", "file_history", "command_history", "error_history")
_MINUTE_NS = 60 * 10**9
NOUNS = """
    invoice customer ledger payment refund report export parser schema migration queue worker token
    session cookie upload download image thumbnail calendar holiday voucher discount basket checkout
    shipment address label printer barcode contract warehouse supplier template
"""
VERBS = """
    round validate compress encrypt rename normalise stream merge sort filter escape truncate format
    convert schedule cancel restart rotate verify render
"""
EXCEPTIONS = "ValueError KeyError TypeError TimeoutError AssertionError OSError"
FILLER = "please look how this should behave when there is more data and nothing else"


def _list(text: str) -> list[str]:
    return text.split()


_NOUNS, _VERBS, _EXCEPTIONS, _FILLER = map(_list, (NOUNS, VERBS, EXCEPTIONS, FILLER))


class Question(NamedTuple):
    """What is asked of which tool, and the session that holds the answer."""

    tool: str
    arguments: dict[str, Any]
    session: str


class _Facts(NamedTuple):
    """What one session is about."""

    name: str
    folder: str
    verb: str
    first: str
    second: str
    file: str
    command: str
    error: str


def write(home: Path, root: Path, start_ns: int, sessions: int = SESSIONS) -> list[Question]:
    """Write the sessions into the home's journal, and return the questions, 50 a kind."""
    chance = random.Random(SEED)
    pairs = [(v, a, b) for v in _VERBS for a in _NOUNS for b in _NOUNS if a != b]
    topics = chance.sample(pairs, sessions)
    facts = []
    for number, topic in enumerate(topics):
        facts.append(_facts(number, root, *topic))
        _write(home, facts[-1], start_ns + number * 60 * _MINUTE_NS, chance)
    chosen = chance.sample(facts, 50 * len(KINDS))
    return [_question(KINDS[n % len(KINDS)], one, chance) for n, one in enumerate(chosen)]


def _facts(number: int, root: Path, verb: str, first: str, second: str) -> _Facts:
    exception = _EXCEPTIONS[number % len(_EXCEPTIONS)]
    return _Facts(
        name=f"{number:04x}0000-recall",
        folder=str(root / f"p{number % PROJECTS}"),
        verb=verb,
        first=first,
        second=second,
        file=f"src/{first}/{verb}_{second}.py",
        command=f"python -m pytest tests/{first}/test_{second}.py -k {verb}",
        error=f"{exception}: cannot {verb} {first} without its {second}",
    )


def _write(home: Path, one: _Facts, start_ns: int, chance: random.Random) -> None:
    """Asked, read, ran and failed, changed, ran and passed, answered."""
    wrong = (
        f"Exit code 1\n/tmp/run{chance.randrange(10**6)}/x.py:{chance.randrange(900)}\n{one.error}"
    )
    run = {"command": one.command}
    path = f"{one.folder}/{one.file}"
    besides = [*chance.sample(_NOUNS, 3), *chance.sample(_VERBS, 2), *chance.sample(_FILLER, 6)]
    filler = " ".join(_form(word, chance) for word in chance.sample(besides, len(besides)))
    prompt = f"{_form(one.verb, chance)} {_form(one.first, chance)} {_form(one.second, chance)}"
    said = f"{_form(one.verb, chance)}: {_form(one.second, chance)} are read first; {filler}"
    change = f"{one.verb}({one.first})"
    steps: list[tuple[str, dict[str, Any]]] = [
        ("SessionStart", {"source": "startup"}),
        ("UserPromptSubmit", {"prompt": f"{prompt}; {filler}"}),
        *_call("Read", {"file_path": path}, {"file": {"content": filler}}, 1),
        *_call("Bash", run, wrong, 2),
        *_call("Edit", {"file_path": path, "old_string": "x", "new_string": change}, {}, 3),
        *_call("Bash", run, {"stdout": "1 passed"}, 4),
        ("Stop", {"last_assistant_message": said}),
        ("SessionEnd", {"reason": "other"}),
    ]  # fmt: skip
    lines = b""
    for number, (event, payload) in enumerate(steps):
        body = {"session_id": one.name, "cwd": one.folder, **payload}
        at_ns = start_ns + number * 10**9
        lines += recordings.line(event, body, at_ns, CLAUDE_CODE_ENTRYPOINT="cli")
    name = emit.file_name("claude-code", one.name)
    recordings.append(home / "days" / emit.utc(start_ns)[:10] / f"{name}.jsonl", lines)


def _call(
    tool: str, given: dict[str, Any], back: Any, number: int
) -> list[tuple[str, dict[str, Any]]]:
    """A call that failed if `back` is a text."""
    named = {"tool_name": tool, "tool_input": given, "tool_use_id": f"t{number}"}
    if isinstance(back, str):
        end = ("PostToolUseFailure", {**named, "error": back})
    else:
        end = ("PostToolUse", {**named, "tool_response": back})
    return [("PreToolUse", named), end]


def _question(kind: str, one: _Facts, chance: random.Random) -> Question:
    everywhere = {"project": "*"}
    if kind == "search":
        verb, first, second = (_form(word, chance) for word in (one.verb, one.first, one.second))
        forms = (
            f"how did we {verb} {first} and {second}",
            f"why is {verb} a {first} slow without {second}",
            f"{first} {second} {verb}",
        )
        return Question(kind, {"query": chance.choice(forms), **everywhere}, one.name)
    if kind == "file_history":
        return Question(kind, {"path": one.file, **everywhere}, one.name)
    if kind == "command_history":
        verb, first, second = (_form(word, chance) for word in (one.verb, one.first, one.second))
        query = f"run the tests of {first} {second} {verb}"
        return Question(kind, {"query": query, **everywhere}, one.name)
    place = f"/home/me/x{chance.randrange(10**6)}.py:{chance.randrange(900)}"
    return Question(kind, {"query": f"E   {one.error} ({place})", **everywhere}, one.name)


def _form(word: str, chance: random.Random) -> str:
    """The word as it is, or another form of it."""
    stem = word.removesuffix("e")
    return chance.choice(
        (word, f"{stem}ing", f"{stem}ed") if word in _VERBS else (word, f"{word}s")
    )
