"""What a session was about, without a model: observed facts, and the agent's own last words.

Pure functions of a SessionState: the same state gives the same summary. Every text is one line of
plain characters; lists of files and commands begin with the newest.
"""

import re
from collections.abc import Iterable
from itertools import islice
from typing import Literal

from pydantic import BaseModel, ConfigDict

from journal.printable import clean, one_line
from journal.session.state import Command, SessionState
from journal.times import to_text

REQUEST_CHARS = 600  # each of the two prompts
LEARNED_CHARS = 2_000
LISTING_CHARS = 1_200
FACT_CHARS = 300
TOLD_CHARS = {  # what a model is asked for, and how long it may be
    "request": REQUEST_CHARS,
    "investigated": LEARNED_CHARS,
    "learned": LEARNED_CHARS,
    "completed": LEARNED_CHARS,
    "next_steps": LEARNED_CHARS,
}
_MAX_COMMANDS = 12
# Words of a shell with which a command changes files, a repository or what is installed.
_CHANGING = re.compile(
    r"""
    (?<![0-9&<>=-]) > >? \s* (?! [&(] | \s | /dev/ ) \S
    | (?: ^ | [|&;(\s] ) (?: mv | cp | rm | mkdir | touch | tee | patch | ln | truncate | dd ) \s
    | \b (?: sed | perl ) \s+ (?: -\S+ \s+ )* -\w*i
    | \b git \s+ (?: (?: -[Cc] \s+ \S+ | -\S+ ) \s+ )*
      (?: add | am | apply | cherry-pick | commit | merge | mv | push
      | rebase | reset | restore | revert | rm | stash | tag | checkout \s+ -- )
    | \b (?: pip | npm | pnpm | yarn | uv | cargo | apt | apt-get | brew ) \s+
      (?: -\S+ \s+ )* (?: install | add | remove | uninstall | update | upgrade | publish )
    """,
    re.VERBOSE,
)
_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
_EXIT_CODE = re.compile(r"Exit code (\d{1,10})\b")


class Summary(BaseModel):
    """A session in a few texts; JSON shape of the public interface, section 5.

    `learned` is a claim of the agent (or, with source `command`, of a model), never verified.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    request: str = ""
    investigated: str = ""
    learned: str = ""
    completed: str = ""
    next_steps: str = ""
    files_read: tuple[str, ...] = ()
    files_edited: tuple[str, ...] = ()
    source: Literal["builtin", "command"] = "builtin"
    at: str


def summarise(state: SessionState) -> Summary | None:
    """The built-in summary; None if no prompt was given and nothing was done."""
    if not state.prompts and not state.tools:
        return None
    read = [shown_path(path, state) for path in reversed(state.files_read)]
    edited = [shown_path(path, state) for path in reversed(state.files_edited)]
    return Summary(
        request=_request(state),
        investigated="\n".join(_investigated(state, read)),
        learned=plain(state.last_words.text, LEARNED_CHARS) if state.last_words else "",
        completed="\n".join(_completed(state, edited)),
        next_steps="\n".join(plain(fact, FACT_CHARS) for fact in open_facts(state)),
        files_read=tuple(plain(path, FACT_CHARS) for path in read),
        files_edited=tuple(plain(path, FACT_CHARS) for path in edited),
        source="builtin",
        at=to_text(state.last_us),
    )


def from_fields(fields: object, at_us: int) -> Summary | None:
    """A model's summary from the payload of its record; None if it says nothing that is one.

    Files are not taken from a model: they are observed. Texts are plain lines within the limits.
    """
    if not isinstance(fields, dict):
        return None
    texts = {name: fields.get(name) for name in TOLD_CHARS}
    if not all(text is None or isinstance(text, str) for text in texts.values()):
        return None
    said = {name: _lines(text or "", TOLD_CHARS[name]) for name, text in texts.items()}
    return Summary(**said, source="command", at=to_text(at_us)) if any(said.values()) else None


def _lines(text: str, limit_chars: int) -> str:
    cleaned = "\n".join(line.rstrip() for line in clean(text).split("\n")).strip()
    return cleaned if len(cleaned) <= limit_chars else cleaned[: limit_chars - 1].rstrip() + "…"


def plain(text: str, limit_chars: int) -> str:
    """One line of at most `limit_chars`, cut with an ellipsis.

    Terminal escapes, control, bidi and other invisible characters and lone surrogates are removed,
    white space of any kind becomes one space.
    """
    line = one_line(text)
    return line if len(line) <= limit_chars else line[: limit_chars - 1].rstrip() + "…"


def shown_path(path: str, state: SessionState) -> str:
    """Relative to the top of the session's project, else to its directory, else as it is."""
    for base in (state.top.rstrip("/\\"), state.cwd.rstrip("/\\")):
        if base and path.startswith((base + "/", base + "\\")):
            return path[len(base) + 1 :]
    return path


def listing(items: Iterable[str], total: int, limit_chars: int, separator: str = ", ") -> str:
    """`a, b (+3)`: as many of `total` items as have room; the first always has."""
    room = limit_chars - len(f" (+{total})")
    shown: list[str] = []
    chars = 0
    for item in items:
        if shown and chars + len(item) > room:
            break
        shown.append(item)
        chars += len(item) + len(separator)
    left = total - len(shown)
    return separator.join(shown) + (f" (+{left})" if left else "")


def latest_prompt(state: SessionState) -> str:
    """What was asked last, if it is not what was asked first."""
    if state.first_prompt is None or not state.last_prompts:
        return ""
    text = state.last_prompts[-1].text
    return "" if text.strip() == state.first_prompt.text.strip() else text


def notable_commands(state: SessionState) -> list[tuple[str, Command]]:
    """Commands that failed or were run again first, then the rest; each group newest first.

    What had to be run twice is a check that the work turned on; what ran once and was fine is
    mostly looking around.
    """
    newest = reversed(state.commands.items())
    return sorted(newest, key=lambda item: not (item[1].failures or item[1].runs > 1))


def changed_something(state: SessionState) -> bool:
    """Whether it edited a file, or ran a command that by its words changes one; no certainty."""
    return bool(state.files_edited) or any(
        _CHANGING.search(_QUOTED.sub("''", command)) for command in state.commands
    )


def outcome(command: Command) -> str:
    """How the runs of a command ended, as in `failed twice, last run passed`."""
    if not command.failures:
        return "passed" if command.runs == 1 else f"passed {_times(command.runs)}"
    failed = "failed" if command.runs == 1 else f"failed {_times(command.failures)}"
    if not command.last_failed:
        return f"{failed}, last run passed"
    if command.failures < command.runs:
        failed = f"{failed} in {command.runs} runs, last run failed"
    return failed + exit_note(command)


def exit_note(command: Command) -> str:
    """` (exit 1)` for a command whose last run failed with a known exit code, else empty."""
    found = _EXIT_CODE.match(command.last_error) if command.last_failed else None
    return f" (exit {found[1]})" if found else ""


def open_facts(state: SessionState) -> list[str]:
    """What remains open, observed facts only, the most pressing first; texts as they were."""
    facts: list[str] = []
    if state.question_us is not None:
        facts.append(f"unanswered: {state.question}")
    if state.turn_error:
        facts.append(f"last turn failed: {state.turn_error}")
    if _interrupt_stands(state):
        facts.append(f"interrupted during: {state.interrupted}")
    facts += _failed_commands(state)
    unfinished = [
        tool.target or tool.tool
        for tool in state.open_tools.values()
        if tool.action != "ask" and tool.target != state.question
    ]
    if unfinished:
        facts.append("not finished: " + listing(unfinished[:3], len(unfinished), FACT_CHARS, "; "))
    children = [child.type for child in state.subagents.values() if child.ended_us is None]
    if children:
        facts.append(f"{_count(len(children), 'sub-agent')} not finished: {children[-1]}")
    return facts


def _interrupt_stands(state: SessionState) -> bool:
    """Nothing came after it: neither the end of a turn nor the same command once more."""
    if state.interrupted_us is None:
        return False
    if state.last_words and state.last_words.at_us > state.interrupted_us:
        return False
    again = state.commands.get(state.interrupted)
    return again is None or again.last_us <= state.interrupted_us


def _failed_commands(state: SessionState) -> list[str]:
    facts: list[str] = []
    for number, (text, command) in enumerate(reversed(state.commands.items())):
        if not command.last_failed or command.last_us == state.interrupted_us:
            continue
        if number == 0:
            facts.append(f"last command failed: {_short(text)}{exit_note(command)}")
        elif command.runs > 1 and len(facts) < 3:
            facts.append(f"its last run failed: {_short(text)}{exit_note(command)}")
    return facts


def _short(command: str) -> str:
    return plain(command, 120)


def _request(state: SessionState) -> str:
    if state.first_prompt is None:
        return ""
    first = plain(state.first_prompt.text, REQUEST_CHARS)
    latest = plain(latest_prompt(state), REQUEST_CHARS)
    if not latest:
        return first if state.prompts == 1 else f"{first} (asked {_times(state.prompts)})"
    between = state.prompts - 2
    gap = f" … ({_count(between, 'prompt')} between) … " if between > 0 else " … "
    return first + gap + latest


def _investigated(state: SessionState, read: list[str]) -> Iterable[str]:
    if read:
        yield "read " + listing((plain(path, 200) for path in read), len(read), LISTING_CHARS)
    if state.searches:
        words = (f'"{plain(text, 100)}"' for text in reversed(state.searches))
        yield "searched " + listing(words, len(state.searches), LISTING_CHARS)


def _completed(state: SessionState, edited: list[str]) -> Iterable[str]:
    if edited:
        yield "edited " + listing((plain(path, 200) for path in edited), len(edited), LISTING_CHARS)
    for text, command in islice(notable_commands(state), _MAX_COMMANDS):
        yield f"ran {_short(text)}: {outcome(command)}"
    left = len(state.commands) - _MAX_COMMANDS
    if left > 0:
        yield f"ran {_count(left, 'other command')}"


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
