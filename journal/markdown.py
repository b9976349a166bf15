"""One session as a Markdown page: a pure function of what is told of it.

The page is data that others wrote. Prompts and answers stand in block quotes, what tools were given
and gave back in fences longer than any run of backticks in it, so that an open fence or a heading
in one of them does not reach the next. HTML outside of code is shown, not obeyed; whoever puts the
page on the web lets its Markdown program sanitise it, as with any other. Times are UTC.
"""

import html
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from journal.printable import clean, one_line
from journal.times import to_text

if TYPE_CHECKING:
    from sync.detail import Answer, Detail, Observation, Prompt

_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_TICKS = re.compile("`+")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~])")
_TITLE_CHARS = 100
_TARGET_CHARS = 120
_FACTS = (
    ("Asked", "request"),
    ("Looked at", "investigated"),
    ("Learned", "learned"),
    ("Done", "completed"),
    ("Open", "next_steps"),
)


def session_markdown(detail: "Detail") -> str:
    """The page: what the session was, its summary, then all that happened in order."""
    parts = [_heading(detail), *_summary(detail), "## What happened", *_story(detail)]
    return "\n\n".join(parts) + "\n"


def _heading(detail: "Detail") -> str:
    session = detail.session
    title = one_line(session.title) or f"Session {one_line(session.short_id)}"
    ended = f", ended {_time(session.ended_us)}" if session.ended_us is not None else ""
    reason = f" ({session.end_reason})" if session.end_reason else ""
    commit = f", HEAD {session.head[:12]}" if session.head else ""
    rows = (
        ("Session", _code(f"{session.agent}/{session.id}")),
        ("Memory id", _code(session.memory_id or "")),
        ("Project", f"{_plain(session.project)} in {_code(session.cwd)}" if session.cwd else ""),
        ("Branch", _plain(session.branch + commit) if session.branch or commit else ""),
        ("Host", _plain(session.host)),
        ("Time", _plain(f"{_time(session.started_us)} to {_time(session.last_us)}{ended}{reason}")),
    )
    lines = [f"# {_plain(_cut(title, _TITLE_CHARS))}", ""]
    return "\n".join([*lines, *(f"- {name}: {value}" for name, value in rows if value)])


def _summary(detail: "Detail") -> Iterator[str]:
    summary = detail.summary
    if summary is None:
        return
    builtin = summary.get("source") == "builtin"
    author = "Made from the events; learned is what the agent said" if builtin else "By a model"
    yield f"## Summary\n\n*{author}, unverified.*"
    for name, key in _FACTS:
        if text := summary.get(key):
            yield f"**{name}**\n\n{_quote(str(text), hard_breaks=True)}"


def _story(detail: "Detail") -> Iterator[str]:
    told: list[tuple[int, str]] = [(p.at_us, _prompt(p)) for p in detail.prompts]
    told += [(call.at_us, _call(call)) for call in detail.observations]
    told += [(a.at_us, _answer(a)) for a in detail.answers]
    told.sort(key=lambda item: item[0])
    for _, text in told:
        yield text
    if not told:
        yield f"Nothing but {len(detail.events)} events without words or tools."


def _prompt(prompt: "Prompt") -> str:
    who = "Prompt" if prompt.by_person else "Prompt by the agent itself"
    return f"### {who} · {_time(prompt.at_us)}\n\n{_quote(prompt.text)}"


def _answer(answer: "Answer") -> str:
    what = "Turn failed" if answer.failed else "Answer"
    return f"### {what} · {_time(answer.at_us)}\n\n{_quote(answer.text or 'no reason given')}"


def _call(call: "Observation") -> str:
    ended = {None: "unfinished", True: "ok", False: "failed"}[call.ok]
    times = f" \u00d7{call.count}" if call.count > 1 else ""
    by = f" ({one_line(call.subagent)})" if call.subagent else ""
    target = html.escape(_cut(one_line(call.target), _TARGET_CHARS), quote=False)
    what = html.escape(one_line(call.tool) + by, quote=False)
    shown = f" <code>{target}</code>" if target else ""
    head = f"<details>\n<summary><b>{what}</b>{shown} {ended}{times}</summary>"
    parts = [head, f"{_time(call.at_us)}"]
    if call.input is not None:
        parts.append("Input\n\n" + _fenced(call.input))
    if call.output is not None:
        parts.append("Output\n\n" + _fenced(call.output))
    return "\n\n".join([*parts, "</details>"])


def _fenced(value: Any) -> str:
    """A value in a fence that it cannot close; texts as they are, the rest as JSON."""
    language = "" if isinstance(value, str) else "json"
    text = clean(value if isinstance(value, str) else _json(value)).rstrip("\n")
    longest = max((len(run) for run in _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, indent=2)
    except RecursionError:
        return '"nested too deeply for a page: journal export has it"'


def _quote(text: str, hard_breaks: bool = False) -> str:
    """A block quote with HTML escaped outside of code. With `hard_breaks` lines stay lines."""
    lines: list[str] = []
    fence = ""
    for line in clean(text).strip("\n").split("\n"):
        found = _FENCE.match(line)
        if fence:
            closing = found and found[1].startswith(fence) and not line.strip(" `~")
            fence = "" if closing else fence
        elif found:
            fence = found[1]
        else:
            lines.append(f"> {_escaped(line)}".rstrip() + ("\\" if hard_breaks else ""))
            continue
        lines.append(f"> {line}".rstrip())
    return "\n".join(lines).removesuffix("\\")


def _escaped(line: str) -> str:
    """A line of Markdown whose `<` outside of code spans opens nothing."""
    runs = [found.span() for found in _TICKS.finditer(line)]
    last = {stop - start: number for number, (start, stop) in enumerate(runs)}
    parts: list[str] = []
    end = number = 0
    while number < len(runs):
        start, stop = runs[number]
        if last[stop - start] > number:  # a run of the same length closes the span
            parts.append(_TAG.sub(r"\\<", line[end:start]))
            number += 1
            while runs[number][1] - runs[number][0] != stop - start:
                number += 1
            end = runs[number][1]
            parts.append(line[start:end])
        number += 1
    return "".join([*parts, _TAG.sub(r"\\<", line[end:])])


def _plain(text: str) -> str:
    """One line in which no character means anything to Markdown."""
    return _SPECIAL.sub(r"\\\1", one_line(text))


def _code(text: str) -> str:
    line = one_line(text)
    if not line:
        return ""
    longest = max((len(run) for run in _TICKS.findall(line)), default=0)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{'`' * (longest + 1)}{space}{line}{space}{'`' * (longest + 1)}"


def _cut(text: str, limit_chars: int) -> str:
    return text if len(text) <= limit_chars else text[: limit_chars - 1].rstrip() + "…"


def _time(at_us: int) -> str:
    """`2026-11-21 07:05:12 UTC`."""
    return to_text(at_us)[:19].replace("T", " ") + " UTC"
