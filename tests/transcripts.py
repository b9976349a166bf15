"""Transcripts for tests: the recorded ones, and made-up histories of any size with their truth.

`write_history` fills a folder as ~/.claude/projects. The shapes are those of
`transcript_records`, what is in them comes from `transcript_turns`. Everything follows from the
seed.
"""

import json
import math
import os
import random
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import orjson
import recordings
from transcript_forks import fork
from transcript_records import NEW, OLD, Talk
from transcript_truth import FRAME, History, Session, Subagent, is_kept
from transcript_turns import Author, Marker, Size, Words

FOLDER = Path(__file__).parent / "data" / "transcripts"
SMALL = Size(turns=0.4, steps=0.5, output_chars=120)  # 1,000 sessions are about 10 MB
LARGE = Size(turns=1.7, steps=2.8, output_chars=700)  # about 65 MB
DAY_US = 86_400_000_000
PROJECTS = ("billing-api", "shop", "web_front.end", "infra", "notes", "ml-lab", "größe", "docs")
NOW_US = recordings.START_NS // 1000
EVENTFUL = (0, 0.1, 0.15, 0.25, 0.35)  # what happens between turns: one of each kind
FRAMED = f'{FRAME}"shop" prepared="2026-11-21 09:12">\nEarlier. %s\n</agent-journal>'


def recorded(name: str) -> list[Path]:
    """The transcripts of a recording in the order of their beginnings, without sub-agents'."""
    found = FOLDER.glob(f"-home-dev-code-{name}/*.jsonl")
    return sorted(found, key=_first_us)


def recorded_start_ns(name: str) -> int:
    """When a recording began by its transcript: `start_ns` for `recordings.write_journal`."""
    prompt = next(one for one in recordings.load(name) if one.event == "UserPromptSubmit")
    return _first_us(recorded(name)[0]) * 1000 - int(prompt.after_ms * 1e6)


def _first_us(path: Path) -> int:
    with path.open("rb") as file:
        when = datetime.fromisoformat(json.loads(file.readline())["timestamp"])
    return int(when.timestamp() * 1_000_000)


def folder_name(cwd: str) -> str:
    """The folder of a directory's transcripts."""
    return re.sub("[^a-zA-Z0-9]", "-", cwd)


def write_history(
    root: Path,
    sessions: int,
    seed: int = 1,
    size: Size = SMALL,
    now_us: int = NOW_US,
    days: int = 90,
    rare: bool = False,
) -> History:
    """Write so many sessions of the last `days` below `root`, and say what they are.

    With `rare` there are also shapes that users have reported, and no recording has: lines with a
    torn record and a whole one, or with NULs before it; records written twice; files whose
    beginning names another session; forks with uuids of their own (the SDK's).
    """
    maker = _Maker(History(root), seed, size, rare)
    for number in range(sessions):
        chance = random.Random(f"{seed} {number}")
        start_us = now_us - int(chance.uniform(5, max(days, 6)) * DAY_US)
        maker.make(number, chance, start_us)
    return maker.history


class _Maker:
    def __init__(self, history: History, seed: int, size: Size, rare: bool) -> None:
        self.history, self.size, self.rare = history, size, rare
        self.words = Words(seed)
        self.mark = Marker(history.needles, history.forbidden)
        self.before: tuple[Session, Talk] | None = None

    def make(self, number: int, chance: random.Random, start_us: int) -> None:
        """One session with its files."""
        cwd = f"/home/dev/code/{chance.choice(PROJECTS)}"
        eventful = number % 50 == 13
        more = {
            "version": OLD if chance.random() < 0.3 else NEW,
            "entrypoint": "cli" if chance.random() < 0.7 or eventful else "sdk-cli",
        }
        talk = Talk(chance, "", cwd, start_us, **more)
        talk.session = talk.process = talk.unique()
        path = self.history.root / folder_name(cwd) / f"{talk.session}.jsonl"
        session = Session(talk.session, path, cwd, start_us)
        self.history.sessions.append(session)
        self.mark.every = 0 if number % 25 == 23 else 7
        if number == 5:
            _write(session, [], b"")
            return
        if number % 25 == 24 and self.before:
            hows = ("cli", "branch", "sdk") if self.rare else ("cli", "branch")
            fork(*self.before, session, talk, hows[number // 25 % len(hows)])
        size = self.size
        if number % 300 == 100:
            size = size._replace(turns=size.turns * 30, steps=size.steps * 2)
        author = Author(talk, session, self.words, size, self.mark)
        self._talk_through(author, EVENTFUL if eventful else ())
        self.before = session, talk
        session.ended_us = talk.at_us
        data = _damaged(session, talk, number % 50, self.rare)
        _write(session, author.inner, data)

    def _talk_through(self, author: Author, events: Sequence[float]) -> None:
        talk, chance, session = author.talk, author.chance, author.session
        if not session.forked:
            self._open(author)
        turns = 1 + max(len(events), int(chance.expovariate(1 / author.size.turns)))
        for turn in range(turns):
            if turn:
                self._between(author, events[turn - 1] if turn <= len(events) else chance.random())
            if chance.random() < 0.12:
                folder = session.path.with_suffix("")
                author.delegate(folder, background=chance.random() < 0.25)
            else:
                author.turn(last=turn == turns - 1)
        if talk.entrypoint == "cli":
            talk.bare("cost-state", totalCostUSD=0.1, modelUsage={})

    def _open(self, author: Author) -> None:
        talk, chance = author.talk, author.chance
        if talk.entrypoint == "cli":
            talk.bare("mode", mode="normal")
            talk.bare("permission-mode", permissionMode="auto")
            snapshot = {"messageId": talk.unique(), "trackedFileBackups": {}}
            talk.bare("file-history-snapshot", messageId=snapshot["messageId"], snapshot=snapshot)
            if chance.random() < 0.15:
                talk.process = talk.unique()
                _command(talk, "clear")
        if talk.is_new:
            secret = self.mark.forbidden() + " You are an agent. " + self.words.prose(chance, 900)
            talk.attachment("prompt_snapshot", systemPrompt=[secret], tools=[])
            talk.bare("api-request-shape", system=secret[:80], tools=[])
            talk.bare("api-request-blob", hash="0", blob=secret[:80])
        if chance.random() < 0.4:
            self._told(talk)

    def _told(self, talk: Talk) -> None:
        text = FRAMED % self.mark.forbidden()
        names = {"hookName": "SessionStart:startup", "hookEvent": "SessionStart"}
        answer = {"hookSpecificOutput": {"additionalContext": text}}
        talk.attachment("hook_success", stdout=json.dumps(answer), content="", **names)
        talk.attachment("hook_additional_context", content=[text], **names)
        talk.attachment("hook_additional_context", content=["Be kind."], **names)

    def _between(self, author: Author, fate: float) -> None:
        talk, chance = author.talk, author.chance
        talk.tick(2_000, 600_000)
        if fate < 0.08:
            talk.at_us += chance.randrange(2, 20) * 3_600_000_000
            author.session.resumed += 1
            talk.bare("last-prompt", leafUuid=talk.parent)
        elif fate < 0.14 and talk.entrypoint == "cli":
            _compact(talk)
        elif fate < 0.2 and talk.entrypoint == "cli":
            _command(talk, "cost")
        elif fate < 0.3:
            talk.cwd = f"{author.session.cwd}/sub"
        elif fate < 0.4:
            talk.branch = chance.choice(("main", "feature/ä", "HEAD"))
        if talk.is_new and chance.random() < 0.1:
            talk.bare("api-request", requestId="req", body=self.mark.forbidden())


def _command(talk: Talk, name: str) -> None:
    caveat = "<local-command-caveat>The command below was run directly.</local-command-caveat>"
    talk.user(caveat, isMeta=True)
    blank = "\n            "
    parts = (f"<command-name>/{name}</command-name>", f"<command-message>{name}</command-message>")
    talk.user(blank.join((*parts, "<command-args></command-args>")), back_ms=79)
    out = "<local-command-stdout></local-command-stdout>"
    talk.system("local_command", content=out, commandRun={"command": name, "args": ""})


def _compact(talk: Talk) -> None:
    logical, talk.parent = talk.parent, None
    talk.prompt_id = talk.unique()
    metadata = {"trigger": "manual", "preTokens": 15_778, "postTokens": 2_978}
    made = talk.system("compact_boundary", content="Conversation compacted", level="info")
    made |= {"logicalParentUuid": logical, "compactMetadata": metadata}
    text = "This session is being continued from a previous conversation.\nSummary:\nWork was done."
    talk.user(text, isVisibleInTranscriptOnly=True, isCompactSummary=True, back_ms=113)
    _command(talk, "compact")


def _damaged(session: Session, talk: Talk, fault: int, rare: bool) -> bytes:
    """The file's bytes, with what a crash or another writer left in them."""
    if rare and fault == 43:
        again = talk.records[:: max(1, len(talk.records) // 3)]
        session.twice = sum(map(is_kept, again))
        talk.records += again
    if rare and fault == 44:
        other = talk.unique()
        half = talk.records[: len(talk.records) // 2]
        talk.records[: len(half)] = [{**record, "sessionId": other} for record in half]
    lines = [orjson.dumps(record) + b"\n" for record in talk.records]
    session.lines, session.kept = len(lines), sum(map(is_kept, talk.records))
    middle = len(lines) // 2
    lost = orjson.dumps(talk.records[middle])
    cut = lost[: math.ceil(len(lost) * 0.6)]
    if fault == 11:
        lines.insert(middle, cut + b"\n")
    elif fault == 31:
        lines.append(cut)
        session.tail = len(cut)
    elif rare and fault == 41:
        lines[middle] = cut + lines[middle]
    elif rare and fault == 42:
        lines[middle] = bytes(64) + lines[middle]
    session.torn = int(fault == 11 or (rare and fault in (41, 42)))
    return b"".join(lines)


def _write(session: Session, inners: list[tuple[Subagent, Talk]], data: bytes) -> None:
    session.path.parent.mkdir(parents=True, exist_ok=True)
    session.path.write_bytes(data)
    session.size = len(data)
    for subagent, inner in inners:
        subagent.path.parent.mkdir(parents=True, exist_ok=True)
        session.lines += len(inner.records)
        session.kept += sum(map(is_kept, inner.records))
        session.size += subagent.path.write_bytes(
            b"".join(orjson.dumps(record) + b"\n" for record in inner.records)
        )
        about = {"agentType": subagent.type, "description": "Look", "toolUseId": subagent.call}
        subagent.path.with_suffix(".meta.json").write_bytes(orjson.dumps(about))
    when = (session.ended_us or session.started_us) // 1_000_000
    os.utime(session.path, (when, when))
