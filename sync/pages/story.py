"""What a page shows of one session, and in which order; how it looks is for its writer.

Texts are as they were recorded: each writer makes them safe for its own format. Times are UTC.
"""

from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from journal.printable import one_line
from journal.session.plan import name_of
from journal.session.summary import shown_path
from journal.times import SECOND_US, day_of, to_datetime, to_text
from sync.pages.steps import Block, Call, Child, Group, Step, Words
from sync.query.session_detail import grouped

if TYPE_CHECKING:
    from journal.session.state import SessionState, Subagent
    from sync.query.listing import Session
    from sync.query.session_detail import Answer, Detail, Observation, Prompt

TITLE_CHARS = 100
TARGET_CHARS = 120
SUMMARY_PARTS = (  # heading, key of the summary
    ("Asked", "request"),
    ("Looked at", "investigated"),
    ("Learned", "learned"),
    ("Done", "completed"),
    ("Open", "next_steps"),
)
_BUILTIN = "Made from the events; learned is what the agent said, unverified."
_COMMAND = "By a model, unverified."
_ENDED = {None: "unfinished", True: "ok", False: "failed"}
_NO_REASON = "other"  # what agents say that say nothing
_MINUTE_US, _HOUR_US = 60 * SECOND_US, 3600 * SECOND_US


class Fact(NamedTuple):
    """A line about the session: words, and behind them what is to be read letter by letter."""

    label: str
    words: str = ""
    exact: str = ""  # an id or a path


def title(session: "Session") -> str:
    """One line of at most TITLE_CHARS."""
    found = one_line(session.title) or f"Session {one_line(session.short_id)}"
    return cut(found, TITLE_CHARS)


def facts(detail: "Detail") -> list[Fact]:
    """Who, where, when; without what is not known."""
    session = detail.session
    plan, head = name_of(detail.state.plan), session.head[:12]
    place = session.cwd if session.cwd != session.project else ""
    found = (
        Fact("Session", exact=f"{session.agent}/{session.id}"),
        Fact("Name", plan if plan != session.title else ""),
        Fact("Memory id", exact=session.memory_id or ""),
        Fact("Project", session.project, place),
        Fact("Branch", session.branch, head),
        Fact("Host", session.host),
        Fact("Time", _span(session.started_us, session.last_us)),
        Fact("State", _state(session)),
        Fact("Tokens", tokens(detail)),
    )
    return [fact for fact in found if fact.words or fact.exact]


def tokens(detail: "Detail") -> str:
    """The tokens of the session's messages; empty if no transcript has them."""
    used = detail.tokens
    if used is None:
        return ""
    messages = f"{used.messages:,} message{'' if used.messages == 1 else 's'}"
    counts = [f"{used.input:,} in", f"{used.output:,} out"]
    if used.cache_read:
        counts.append(f"{used.cache_read:,} read from the cache")
    if used.cache_write:
        counts.append(f"{used.cache_write:,} written to it")
    return f"{', '.join(counts)}; {messages}"


def _span(first_us: int, last_us: int) -> str:
    first, last = moment(first_us), moment(last_us)
    if first == last:
        return f"{first} UTC"
    return f"{first} to {last[11:] if first[:10] == last[:10] else last} UTC"


def _state(session: "Session") -> str:
    reason = "" if session.end_reason == _NO_REASON else session.end_reason
    about = reason or session.question
    state = session.shown_state
    return f"{state} ({about})" if about else state


def summary(detail: "Detail") -> tuple[str, list[tuple[str, str]]] | None:
    """Who made it, and its parts with their headings; None if there is none."""
    reported = detail.summary
    if reported is None:
        return None
    author = _BUILTIN if reported.get("source") == "builtin" else _COMMAND
    return author, [(name, str(reported[key])) for name, key in SUMMARY_PARTS if reported.get(key)]


def steps(detail: "Detail") -> list[Step]:
    """All that happened, in the order of the conversation; equal calls are at the first one."""
    places = {event.id: number for number, event in enumerate(detail.events)}
    reported: list[tuple[float, Step]] = []
    for prompt in detail.prompts:
        reported.append((places[prompt.event_id], _prompt(prompt)))
    for call in grouped(detail.observations):
        reported.append((places[call.event_id], _call(call, detail.state)))
    for answer in detail.answers:
        reported.append((places[answer.event_id], _answer(answer)))
    for name, child in detail.state.subagents.items():
        before = (n for n, event in enumerate(detail.events) if event.at_us >= child.since_us)
        reported.append((next(before, len(places)) - 0.5, _child(name, child)))
    return [step for _, step in sorted(reported, key=itemgetter(0))]


def blocks(detail: "Detail") -> list[Block]:
    """The same with what is folded in groups: a sub-agent's steps are where it began."""
    reported = steps(detail)
    inside: dict[str, list[Step]] = {}
    for step in reported:
        if step.agent and not isinstance(step, Child):
            inside.setdefault(step.agent, []).append(step)
    made: list[Block] = []
    for step in reported:
        if isinstance(step, Child):
            made.append(_subagent(step, inside.pop(step.agent, [])))
        elif not step.agent:
            made.append(step)
        elif step.agent in inside and step.agent not in detail.state.subagents:
            own = inside.pop(step.agent)
            made.append(_subagent(Child(step.at_us, _type_of(step), "", step.agent), own))
    return list(_folded(made))


def _type_of(step: Step) -> str:
    return step.by if isinstance(step, Call) and step.by else "sub-agent"


def _subagent(child: Child, own: list[Step]) -> Group:
    calls = sum(isinstance(step, Call) for step in own)
    parts = [f"Sub-agent {child.type}".rstrip(), f"{calls:,} call{'' if calls == 1 else 's'}"]
    parts += [child.took] if child.took else []
    return Group("agent", ", ".join(parts), own, child.at_us, child.id or f"a{child.at_us}")


_FOLDED = {"taken_back": ("taken-back", "Taken back"), "inherited": ("inherited", "Inherited")}


def _folded(blocks: list[Block]) -> Iterator[Block]:
    """Runs of steps that were taken back, or inherited, as one group each."""

    def mark(block: Block) -> str:
        return next((name for name in _FOLDED if getattr(block, name, False)), "")

    for name, run in groupby(blocks, mark):
        if not name:
            yield from run
            continue
        kind, head = _FOLDED[name]
        own = [block for block in run if not isinstance(block, Group)]
        prompts = sum(isinstance(step, Words) and step.by_person for step in own)
        words = f"{prompts:,} prompt{'' if prompts == 1 else 's'}, {len(own):,} steps"
        yield Group(kind, f"{head}: {words}", own, own[0].at_us, f"g{own[0].id}")


def _marks(one: "Prompt | Answer | Observation") -> dict[str, Any]:
    """Its event, and whether it is shown as this session's own."""
    return {"id": one.event_id, "taken_back": one.taken_back, "inherited": one.inherited}


def _prompt(prompt: "Prompt") -> Words:
    head = "Prompt" if prompt.by_person else "Prompt by the agent itself"
    head += _origin(prompt)
    return Words(prompt.at_us, head, prompt.text, by_person=prompt.by_person, **_marks(prompt))


def _origin(one: "Prompt | Answer") -> str:
    """What is to be known of words that are not this session's own."""
    if one.taken_back:
        return " (taken back)"
    return " (from the session that this one is a fork of)" if one.inherited else ""


def _answer(answer: "Answer") -> Words:
    more = {**_marks(answer), "agent": answer.subagent}
    if answer.failed:
        text = answer.text or "no reason given"
        return Words(answer.at_us, "Turn failed", text, failed=True, **more)
    return Words(answer.at_us, f"Answer{_origin(answer)}", answer.text, **more)


def _child(name: str, child: "Subagent") -> Child:
    took = "" if child.ended_us is None else _length(child.ended_us - child.since_us)
    return Child(child.since_us, one_line(child.type), took, name, f"a{child.since_us}")


def _call(call: "Observation", state: "SessionState") -> Call:
    by = one_line(call.subagent)
    return Call(
        at_us=call.at_us,
        tool=one_line(call.tool),
        by=by,
        target=cut(one_line(shown_path(call.target, state)), TARGET_CHARS),
        ended=_ENDED[call.ok],
        count=call.count,
        made=call,
        agent=call.agent_id,
        **_marks(call),
    )


def nothing(detail: "Detail") -> str:
    """What is said of a session without any step."""
    return f"Nothing but {len(detail.events)} events without words or tools."


def clock(session: "Session") -> Callable[[int], str]:
    """How its times are written: without their date if they are all of one day."""
    start = 11 if day_of(session.started_us) == day_of(session.last_us) else 0
    return lambda at_us: moment(at_us)[start:]


def local_clock(session: "Session") -> Callable[[int], str]:
    """The same in local time."""
    first, last = (to_datetime(at).astimezone() for at in (session.started_us, session.last_us))
    form = "%H:%M:%S" if first.date() == last.date() else "%Y-%m-%d %H:%M"
    return lambda at_us: to_datetime(at_us).astimezone().strftime(form)


def moment(at_us: int) -> str:
    """`2026-11-21 07:05:12`."""
    return to_text(at_us)[:19].replace("T", " ")


def cut(text: str, limit_chars: int) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= limit_chars else text[: limit_chars - 1].rstrip() + "…"


def _length(span_us: int) -> str:
    for unit_us, word in ((_HOUR_US, "h"), (_MINUTE_US, "min")):
        if span_us >= 2 * unit_us:
            return f"took {span_us // unit_us} {word}"
    return f"took {max(1, span_us // SECOND_US)} s"
