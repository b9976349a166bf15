"""Sessions, hits and steps as rich text. Every text is a stranger's: cleaned, never markup."""

from collections.abc import Sequence

from rich.console import Group as Parts
from rich.console import RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.text import Text

from journal.browse.source import Found
from journal.cli.screen.health import size
from journal.cli.screen.tables import GAP, age, ago, session_lines, when
from journal.errors import JournalError
from journal.printable import clean, one_line
from sync.pages.steps import Block, Call, Child, Group, Step, Words
from sync.query.listing import Session
from sync.query.search import Hit

_STATES = {"awaiting": "bold yellow", "working": "green", "idle": "", "finished": "dim"}
_MOST_LINES = 60  # of what a call gave back
_DIFF = {"+": "green", "-": "red", "@": "dim"}


def table(sessions: Sequence[Session], now_us: int, columns: int) -> tuple[Text, list[Text]]:
    """The heads, and for each session its line, with one below for what it asks or runs."""
    if not sessions:
        return Text(), []
    heads, *groups = session_lines(sessions, now_us, columns)
    return heads[0], [Text("\n", no_wrap=True, end="").join(lines) for lines in groups]


def counted(found: Found) -> Text:
    """How many there are: of sessions by state, the first ones of which are listed."""
    if found.hits is not None:
        return Text(_number(len(found.hits), "place"), "dim")
    total = sum(found.states.values())
    if not total:
        return Text("No session matches.", "dim")
    made = Text(_number(total, "session"), "bold")
    for state, number in found.states.items():
        made.append(" \u00b7 ", "dim")
        made.append(f"{number:,} {state}", _STATES[state] if number else "dim")
    if total > len(found.sessions):
        made.append(f" \u00b7 {len(found.sessions):,} listed", "dim")
    return made


def footer(found: Found | None, problem: JournalError | None, now_us: int) -> Text:
    """What is wrong, the age of the last record, what is not synced yet. None: nothing was read."""
    parts = []
    if problem is not None:
        hint = f" ({problem.hint})" if problem.hint else ""
        parts.append(Text(one_line(f"{problem}{hint}"), "bold red"))
    if found is not None:
        last = ago(now_us - found.last_us) if found.last_us else "never"
        behind = f"{size(found.unsynced_bytes)} not synced" if found.unsynced_bytes else ""
        parts += [Text(f"last record {last}", "dim"), Text(behind or "up to date", "dim")]
    return Text(" \u00b7 ", "dim", no_wrap=True, overflow="ellipsis").join(parts)


def _number(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def hit_row(hit: Hit) -> Text:
    """Where it is, and the line with the words marked."""
    head = GAP.join((hit.kind.name.lower(), when(hit.at_us), one_line(hit.project)))
    line = Text(hit.snippet.text)
    for start, end in hit.snippet.marks:
        line.stylize("bold yellow", start, end)
    row = Text.assemble((f"{head}{GAP}", "dim"), (one_line(hit.title), "cyan"), "\n  ", line)
    row.no_wrap, row.overflow = True, "ellipsis"
    return row


def heading(session: Session, resume: str, now_us: int) -> Text:
    """What the session is."""
    made = Text(one_line(session.title) or "(no prompt)", "bold")
    place = " \u00b7 ".join(filter(None, (session.project, session.branch, session.agent)))
    made.append(
        f"\n{one_line(place)} \u00b7 {session.state_at(now_us)}, {age(now_us - session.last_us)}",
        "dim",
    )
    if session.waiting_us and session.question:
        made.append(f"\nasks: {one_line(session.question)}", "bold yellow")
    if resume:
        made.append(f"\n{resume}", "cyan")
    return made


def blocks(reported: Sequence[Block], detail_of: set[str]) -> RenderableType:
    """Some steps; the calls whose ids are in `detail_of` with what they were given and gave."""
    parts: list[RenderableType] = []
    for block in reported:
        if isinstance(block, Group):
            parts.append(Text(f"\u25b8 {one_line(block.head)}", "bold dim"))
            inner = [_step(step, detail_of) for step in block.steps]
            parts.append(Padding(Parts(*inner), (0, 0, 0, 3)))
        else:
            parts.append(_step(block, detail_of))
    return Parts(*parts)


def _step(step: Step, detail_of: set[str]) -> RenderableType:
    if isinstance(step, Words):
        return _words(step)
    if isinstance(step, Child):
        return Text(f"\u25b8 Sub-agent {step.type} {step.took}", "dim")
    return _call(step, step.id in detail_of)


def _words(words: Words) -> RenderableType:
    head = f"\n{words.head} \u00b7 {when(words.at_us)}"
    if words.by_person:
        return Parts(Text(head, "bold blue"), Text(clean(words.text), "bold"))
    if words.failed:
        return Parts(Text(head, "bold red"), Text(clean(words.text), "red"))
    body = Markdown(clean(words.text), hyperlinks=False)
    return Parts(Text(head, "dim"), body, Text())


def _call(call: Call, in_full: bool) -> RenderableType:
    line = Text.assemble(("  ", ""), (call.tool, "bold"), " ", call.target)
    if call.ended != "ok":
        line.append(f"  {call.ended}", "bold red" if call.ended == "failed" else "yellow")
    if call.result:
        line.append(f"  {call.result}", "red" if call.ended == "failed" else "dim")
    if call.count > 1:
        line.append(f"  \u00d7{call.count}", "dim")
    if not in_full:
        line.no_wrap, line.overflow = True, "ellipsis"
        return line
    return Parts(line, Padding(_in_full(call), (0, 0, 0, 4)))


def _in_full(call: Call) -> Text:
    made = Text()
    change = call.change
    if change is not None:
        for number, row in enumerate(change.lines[:_MOST_LINES]):
            sign = "" if row.sign == "@" else row.sign
            made.append(f"{chr(10) if number else ''}{sign}{clean(row.text)}", _DIFF.get(row.sign))
        return made
    reported = [*(("in", one) for one in call.input), *(("out", one) for one in call.output)]
    for label, one in reported:
        lines = one.text.split("\n")
        more = (
            f"\n\u2026 {len(lines) - _MOST_LINES:,} more lines" if len(lines) > _MOST_LINES else ""
        )
        made.append(f"{label} {one_line(one.name)}\n", "dim")
        made.append("\n".join(lines[:_MOST_LINES]) + more + "\n")
    return made
