"""One session on a screen: what fits, with a count of what does not."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from rich.table import Table
from rich.text import Text

from journal.cli.screen.tables import GAP, TIMES, age, ago, aligned, print_rich, screen, when
from journal.printable import clean, one_line
from journal.record import memory_id_order
from journal.session.plan import name_of
from journal.session.summary import shown_path
from journal.times import SECOND_US, to_datetime
from sync.pages import story

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sync.query.session_detail import Answer, Detail, Observation, Prompt

MOST_PROMPTS = 20
MOST_CALLS = 40
MOST_SUBAGENTS = 10
PROMPT_LINES = 12
LAST_LINES = 30
_TEXT_COLUMNS = 100  # longer lines are hard to read
_LEAST_COLUMNS = 40
_TOOL_COLUMNS = 16
_EVERYTHING = "--format markdown shows all"
_FACTS = (
    ("asked", "request"),
    ("looked at", "investigated"),
    ("learned", "learned"),
    ("done", "completed"),
    ("open", "next_steps"),
)
_RESULTS = {True: ("ok", "green"), False: ("failed", "red"), None: ("unfinished", "yellow")}
T = TypeVar("T")


def print_session(detail: "Detail", now_us: int) -> None:
    """Print the session to standard output; on a terminal with all answers, and page by page."""
    out = screen()
    answers = _answers if out.is_terminal else _last_words
    columns = max(_LEAST_COLUMNS, out.width)
    parts: list[RenderableType] = [_header(detail, now_us)]
    for lines in (_prompts(detail), _calls(detail, columns), _subagents(detail, now_us),
                  _summary(detail), answers(detail)):  # fmt: skip
        section = list(lines)
        parts += [Text(), *section] if section else []
    print_rich(out, *parts, paged=True)


def _memory_id(detail: "Detail", now_us: int) -> str:
    """The memory id that a program gave, or since when it is pending; "" for a minted one."""
    session = detail.session
    if session.memory_id is not None:
        minted, _ = memory_id_order.mint(session.agent, session.id, lambda _: False)
        return "" if session.memory_id == minted else session.memory_id
    waited = age(max(0, now_us - session.started_us))
    return f"pending since {when(session.started_us)} ({waited})"


def _header(detail: "Detail", now_us: int) -> Table:
    session = detail.session
    name = one_line(session.project)
    head = f"HEAD {session.head[:7]}" if session.head else ""
    rows = (
        ("session", f"{session.id} ({session.agent})"),
        ("name", name_of(detail.state.plan)),
        ("memory id", _memory_id(detail, now_us)),
        ("project", name if name == session.cwd else f"{name} ({session.cwd})"),
        ("branch", ", ".join(filter(None, (session.branch, head)))),
        ("state", _state(detail, now_us)),
        ("time", f"{_span(session.started_us, session.last_us)}, {ago(now_us - session.last_us)}"),
        ("host", session.host),
        ("archive", _archive(detail, now_us)),
        ("tokens", story.tokens(detail)),
    )
    return _labelled((label, Text(one_line(value))) for label, value in rows if value)


def _archive(detail: "Detail", now_us: int) -> str:
    """How far the session is delivered; empty if no remote is set."""
    standing = detail.archive
    if standing is None:
        return ""
    parts = [f"{standing.delivered:,} delivered"]
    if standing.last_us is not None:
        parts[0] += f" ({ago(now_us - standing.last_us)})"
    parts += [f"{standing.waiting:,} waiting"] if standing.waiting else []
    parts += [f"{standing.dead:,} given up"] if standing.dead else []
    parts += [] if standing.is_whole else ["new events not sent yet"]
    return f"{', '.join(parts)}; {standing.remote}"


def _state(detail: "Detail", now_us: int) -> str:
    session = detail.session
    words = session.state_at(now_us)
    if session.ended_us is not None:
        known = session.end_reason not in (None, "other")
        words += f", {session.end_reason}" if known else ""
    elif session.waiting_us is not None:
        words += f" your answer for {age(now_us - session.waiting_us)}"
        words += f": {session.question}" if session.question else ""
    return words if session.adopted else f"{words} (it only started)"


def _span(start_us: int, end_us: int) -> str:
    start, end = when(start_us), when(end_us)
    if start == end:
        return start
    return f"{start} - {end[11:] if start[:10] == end[:10] else end}"


def _prompts(detail: "Detail") -> "Iterator[RenderableType]":
    if not detail.prompts:
        return
    yield _title("Prompts", detail.session.prompts)
    clock = _clock(detail)
    head, left, tail = _middle_cut(detail.prompts, MOST_PROMPTS)
    table = _grid()
    for prompt in head + tail:
        note = Text("" if prompt.by_person else "(by the agent itself) ", style="dim")
        note += _mark(prompt)
        if left and prompt is tail[0]:
            table.add_row("", _cut_note(left, "prompts"))
        table.add_row(
            Text(clock(prompt.at_us), style="dim"), note + _some(prompt.text, PROMPT_LINES)
        )
    yield table


def _calls(detail: "Detail", columns: int) -> "Iterator[RenderableType]":
    from sync.query.session_detail import grouped

    calls = grouped(detail.observations)
    if not calls:
        return
    yield _title("What was done", _counted(detail.observations))
    head, left, tail = _middle_cut(calls, MOST_CALLS)
    rows = [_call(detail, call) for call in head + tail]
    widths = [max(row[number].cell_len for row in rows) for number in range(4)]
    widths[1] = min(widths[1], _TOOL_COLUMNS)
    room = columns - sum(widths) + widths[2] - 3 * len(GAP)
    widths[2] = max(1, min(widths[2], room))
    for number, row in enumerate(rows):
        if left and number == len(head):
            yield Text(" " * (widths[0] + len(GAP))) + _cut_note(left, "calls")
        yield aligned(row, widths)


def _call(detail: "Detail", call: "Observation") -> tuple[Text, Text, Text, Text]:
    result, style = _RESULTS[call.ok]
    times = f" {TIMES}{call.count}" if call.count > 1 else ""
    mark = f" {_mark(call)}".rstrip()
    indent = "  " if call.subagent else ""  # a sub-agent's
    return (
        Text(_clock(detail)(call.at_us), style="dim"),
        Text(indent + one_line(call.tool)),
        Text(one_line(shown_path(call.target, detail.state))),
        Text.assemble((result + times, style), (mark, "dim")),
    )


def _mark(one: "Prompt | Answer | Observation") -> Text:
    """What distinguishes it from what the session did and stands by; with a space behind."""
    words = "(taken back) " if one.taken_back else "(inherited) " if one.inherited else ""
    return Text(words, style="dim")


def _counted(items: "Sequence[Answer | Observation]") -> int:
    """How many are the session's own and were not taken back."""
    return sum(not (one.taken_back or one.inherited) for one in items)


def _subagents(detail: "Detail", now_us: int) -> "Iterator[RenderableType]":
    children = list(detail.state.subagents.values())
    if not children:
        return
    yield _title("Sub-agents", len(children))
    clock = _clock(detail)
    table = _grid()
    head, left, tail = _middle_cut(children, MOST_SUBAGENTS)
    for child in head + tail:
        if left and child is tail[0]:
            table.add_row("", _cut_note(left, "sub-agents"))
        if child.ended_us is None:
            took = f"running for {age(now_us - child.since_us)}"
        else:
            took = f"took {age(max(child.ended_us - child.since_us, SECOND_US))}"
        row = Text(f"{one_line(child.type) or 'sub-agent'}, {took}")
        table.add_row(Text(clock(child.since_us), style="dim"), row)
    yield table


def _summary(detail: "Detail") -> "Iterator[RenderableType]":
    """Without what the page says elsewhere: a built-in summary repeats the prompts and words."""
    summary = detail.summary or {}
    repeated = {"request", "learned"} if summary.get("source") == "builtin" else set()
    facts = [
        (label, Text(clean(str(summary[key]))))
        for label, key in _FACTS
        if summary.get(key) and key not in repeated
    ]
    if facts:
        yield _title("Summary")
        yield _labelled(facts)


def _last_words(detail: "Detail") -> "Iterator[RenderableType]":
    said = [a for a in detail.answers if not (a.failed or a.taken_back or a.inherited)]
    if not said:
        return
    yield _title("Last words") + Text(f"  {_clock(detail)(said[-1].at_us)}", style="dim")
    table = _grid()
    table.add_row("", _some(said[-1].text, LAST_LINES))
    yield table


def _answers(detail: "Detail") -> "Iterator[RenderableType]":
    """All that the agent said, in full."""
    if not detail.answers:
        return
    yield _title("Answers", _counted(detail.answers))
    clock, table = _clock(detail), _grid()
    for answer in detail.answers:
        style = "red" if answer.failed else ""
        text = _mark(answer) + Text(clean(answer.text).strip("\n"), style=style)
        table.add_row(Text(clock(answer.at_us), style="dim"), text)
    yield table


def _title(words: str, number: int | None = None) -> Text:
    return Text.assemble((words, "bold"), (f" ({number:,})" if number else "", "dim"))


def _grid() -> Table:
    """Two columns: a time or a label, and a text that is folded."""
    table = Table.grid(padding=(0, len(GAP), 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(max_width=_TEXT_COLUMNS, overflow="fold")
    return table


def _labelled(rows: "Iterator[tuple[str, Text]] | Sequence[tuple[str, Text]]") -> Table:
    table = _grid()
    for label, value in rows:
        table.add_row(Text(f"{label:<9}", style="dim"), value)
    return table


def _clock(detail: "Detail") -> Callable[[int], str]:
    """Times of one local day have no date."""
    session = detail.session
    form = "%H:%M:%S"
    if when(session.started_us)[:10] != when(session.last_us)[:10]:
        form = "%m-%d %H:%M"
    return lambda at_us: to_datetime(at_us).astimezone().strftime(form)


def _middle_cut(items: Sequence[T], most: int) -> tuple[list[T], int, list[T]]:
    """The beginning, how many are left out, and the end."""
    if len(items) <= most:
        return list(items), 0, []
    half = most // 2
    return list(items[:half]), len(items) - 2 * half, list(items[-half:])


def _cut_note(number: int, what: str) -> Text:
    return Text(f"… {number:,} more {what} ({_EVERYTHING}) …", style="dim")


def _some(text: str, most_lines: int) -> Text:
    """The first lines of a text, and how many follow."""
    lines = clean(text).strip("\n").split("\n")
    shown = Text("\n".join(lines[:most_lines]))
    left = len(lines) - most_lines
    if left > 0:
        shown.append(f"\n… {left:,} more lines ({_EVERYTHING})", style="dim")
    return shown
