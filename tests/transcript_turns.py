"""Turns of made-up sessions: what is asked, called and answered, written down twice.

Once as records, once as truth.
"""

import random
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from transcript_records import INTERRUPTED, MODELS, PNG, REFUSED, Record, Talk, Tokens
from transcript_tools import REPEATING, TOOLS, tool_input, tool_output
from transcript_truth import Answer, Call, Needle, Prompt, Session, Subagent, Used

LONGEST = 100_000


class Words:
    """Prose, fast: slices of one long text."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(f"words {seed}")
        made = ["".join(chance.choices("etaoinshrdlucmfw", k=1 + n % 9)) for n in range(4_000)]
        self.made = [*made, "naïve", "größer", "\u2028", "日本", "\N{GRINNING FACE}", '"q"', "a\\b"]
        text = " ".join(chance.choices(self.made, k=90_000))
        self.text = "\n".join(text[at : at + 90] for at in range(0, len(text), 90))

    def prose(self, chance: random.Random, chars: int) -> str:
        """About so many characters."""
        start = chance.randrange(len(self.text) - chars)
        return self.text[start : start + chars].strip() or "-"


class Size(NamedTuple):
    """How much a session holds, on average."""

    turns: float
    steps: float  # messages with calls, a turn
    output_chars: int


class Author:
    """Writes one session, or one sub-agent's part of it."""

    def __init__(self, talk: Talk, session: Session, words: Words, size: Size, mark: "Marker"):
        self.talk, self.session, self.words, self.size = talk, session, words, size
        self.chance, self.mark = talk.chance, mark
        self.inner: list[tuple[Subagent, Talk]] = []

    def prose(self, chars: int, kind: str = "") -> str:
        """Prose with a needle of that kind, if one is due."""
        if self.talk.agent:
            kind = f"subagent_{kind}" if kind in ("input", "output", "aside") else ""
        return self.mark(self.session.id, kind) + self.words.prose(self.chance, chars)

    def ask(self) -> None:
        """A prompt, as text, as blocks, or with a picture."""
        text = self.prose(self.chance.randrange(20, 400), "prompt")
        if self.chance.random() < 0.02 and self.talk.entrypoint == "cli":
            text += '\nwhy does it say <agent-journal project="shop"> there?'
        content: str | list[Record] = text
        if self.chance.random() < 0.2:
            content = [{"type": "text", "text": text}]
            if self.chance.random() < 0.4:
                source = {"type": "base64", "media_type": "image/png", "data": PNG}
                content.append({"type": "image", "source": source})
        if self.talk.entrypoint != "cli":
            self.talk.bare("queue-operation", operation="enqueue", content=text)
            self.talk.bare("queue-operation", operation="dequeue")
        made = self.talk.prompt(content)
        self.session.prompts.append(Prompt(made["uuid"], text))

    def turn(self, last: bool = False) -> None:
        """From a prompt to the last words, or to where it was cut off."""
        self.ask()
        self.talk.tick(100, 3_000)
        for _ in range(_around(self.chance, self.size.steps)):
            if not self.step():
                return
        fate = self.chance.random()
        if last and fate < 0.05:
            self.say([("tool", *self.tool("Bash"))], "tool_use")  # killed in a call
        elif fate > 0.98:
            self.fail()
        else:
            self.finish()

    def finish(self) -> None:
        """The last words of a turn."""
        text = self.prose(self.chance.randrange(30, 900), "answer")
        self.say([("text", text)], "end_turn")
        if not self.talk.agent:
            self.talk.turn_end()
            self.talk.bare("last-prompt", lastPrompt="…", leafUuid=self.talk.parent)

    def fail(self) -> None:
        """The service answers with an error in place of the model."""
        text = "API Error: 529 overloaded"
        tokens = Tokens("<synthetic>", 0, 0, 0, 0)
        _, (made,) = self.talk.message([{"type": "text", "text": text}], "stop_sequence", tokens)
        made.pop("apiBlockIndex", None)
        made |= {"error": "overloaded", "isApiErrorMessage": True, "apiErrorStatus": 529}
        made["message"]["id"] = self.talk.unique()
        self.session.failures.append(text)

    def say(self, parts: list[tuple[Any, ...]], stop: str) -> list[tuple[str, str, str, Record]]:
        """A message; the calls in it as id, uuid of their record, tool and input."""
        blocks: list[Record] = []
        if self.chance.random() < 0.25:
            thought = self.mark.forbidden() if self.chance.random() < 0.2 else ""
            signature = f"{self.chance.getrandbits(512):x}"
            blocks.append({"type": "thinking", "thinking": thought, "signature": signature})
        for kind, *said in parts:
            if kind == "text":
                blocks.append({"type": "text", "text": said[0]})
            else:
                fields = {"id": self.talk.short("toolu", 16), "name": said[0], "input": said[1]}
                blocks.append({"type": "tool_use", **fields})
        used = Tokens(
            MODELS[self.chance.random() < 0.1],
            *(self.chance.randrange(1, most) for most in (15_000, 4_000, 90_000, 9_000)),
        )
        message, made = self.talk.message(blocks, stop, used)
        agent = self.talk.agent
        self.session.used.append(Used(message, used, agent))
        calls = []
        for block, record in zip(blocks, made, strict=True):
            if block["type"] == "text":
                answer = Answer(record["uuid"], block["text"], stop == "end_turn", agent)
                self.session.answers.append(answer)
            elif block["type"] == "tool_use":
                self.session.calls.append(Call(block["id"], block["name"], "none", agent))
                calls.append((block["id"], record["uuid"], block["name"], block["input"]))
        return calls

    def step(self) -> bool:
        """Text and calls, and what came of these; False if the person stopped the turn."""
        parts: list[tuple[Any, ...]] = []
        if self.chance.random() < 0.4:
            parts.append(("text", self.prose(self.chance.randrange(20, 300), "aside")))
        count = self.chance.choice((1, 1, 1, 1, 2, 3))
        for _ in range(count):
            parts.append(("tool", *self.tool(self.chance.choice(TOOLS))))
        calls = self.say(parts, "tool_use")
        self.chance.shuffle(calls)  # as they come back
        attended = self.talk.entrypoint == "cli" and not self.talk.agent
        if self.chance.random() < 0.03 and attended:
            self.refuse(calls)
            return False
        for call in calls:
            self.talk.tick(20, 20_000)
            self.come_back(call, self.chance.random())
        if self.chance.random() < 0.03 and attended:
            self.queued()
        return True

    def come_back(self, call: tuple[str, str, str, Record], fate: float) -> None:
        """One result: mostly a good one."""
        unique, source, tool, given = call
        if fate < 0.06:
            error = "Exit code 1\n" + self.prose(self.chance.randrange(20, 600), "error")
            self.talk.result(unique, source, error, f"Error: {error}", is_error=True)
            self.end(unique, "failed")
        elif fate < 0.08:
            error = "<tool_use_error>InputValidationError: not there</tool_use_error>"
            self.talk.result(unique, source, error, "InputValidationError", is_error=True)
            self.end(unique, "failed", invalid=True)
        else:
            chars = min(LONGEST, int(self.chance.lognormvariate(0, 1.4) * self.size.output_chars))
            kind = "" if tool in REPEATING else "output"
            content, told = tool_output(tool, given, self.prose(chars, kind))
            more = {"is_error": False} if tool == "Bash" else {}
            self.talk.result(unique, source, content, told, **more)
            self.end(unique, "ok")

    def refuse(self, calls: list[tuple[str, str, str, Record]]) -> None:
        """The person says no to one call; the turn is over, the others have no end."""
        unique, source = calls[0][:2]
        kind = {"toolDenialKind": "user-rejected"} if self.talk.is_new else {}
        told = "User rejected tool use"
        self.talk.result(unique, source, REFUSED, told, is_error=True, **kind)
        self.end(unique, "failed", refused=True)
        stopped = {"interruptedMessageId": self.talk.short("msg")} if self.talk.is_new else {}
        self.talk.user([{"type": "text", "text": INTERRUPTED}], **stopped)

    def end(self, unique: str, ended: Any, **more: Any) -> None:
        """Write down how a call ended."""
        calls = self.session.calls
        at = next(at for at in range(len(calls) - 1, -1, -1) if calls[at].id == unique)
        calls[at] = calls[at]._replace(ended=ended, **more)

    def queued(self) -> None:
        """A person types into the running turn."""
        text = self.prose(60, "prompt")
        self.talk.bare("queue-operation", operation="enqueue", content=text)
        said = {"prompt": text, "commandMode": "prompt", "origin": {"kind": "human"}}
        made = self.talk.attachment("queued_command", **said)
        self.session.prompts.append(Prompt(made["uuid"], text, queued=True))

    def tool(self, name: str) -> tuple[str, Record]:
        """A tool with its input."""
        place = f"{self.talk.cwd}/src/{self.chance.choice(self.words.made[:300])}.py"
        said = self.prose(self.chance.randrange(10, 120), "" if name == "Read" else "input")
        return name, tool_input(name, place, said)

    def delegate(self, folder: Path, background: bool) -> None:
        """A turn with a sub-agent that has a file of its own, and what it hands back."""
        self.ask()
        prompt = self.prose(80)
        given = {"description": "Look", "prompt": prompt, "subagent_type": "general-purpose"}
        ((unique, source, _, _),) = self.say([("tool", "Agent", given)], "tool_use")
        talk, said = self.talk, f"a{self.chance.getrandbits(64):016x}"
        path = folder / "subagents" / f"agent-{said}.jsonl"
        inner = Talk(self.chance, talk.session, talk.cwd, talk.at_us, agent=said)
        inner.prompt_id, inner.version = talk.prompt_id, talk.version
        inner.entrypoint, inner.branch = talk.entrypoint, talk.branch
        inner.user(prompt)
        author = Author(inner, self.session, self.words, self.size, self.mark)
        for _ in range(1 + _around(self.chance, self.size.steps)):
            author.step()
        last = author.words.prose(self.chance, 200)
        author.say([("text", last)], "end_turn")
        subagent = Subagent(said, "general-purpose", unique, path)
        self.session.subagents.append(subagent)
        self.inner.append((subagent, inner))
        talk.tick(1_000, 60_000)
        told: Record = {"status": "completed", "prompt": prompt, "agentId": said}
        told |= {"agentType": "general-purpose", "content": [{"type": "text", "text": last}]}
        text = f"{last}\nagentId: {said} (use SendMessage to continue this agent)"
        if background:
            told = {"isAsync": True, "status": "async_launched", "agentId": said, "prompt": prompt}
            text = f"Async agent launched successfully.\nagentId: {said}"
        talk.result(unique, source, [{"type": "text", "text": text}], told)
        self.end(unique, "ok")
        talk.at_us = max(talk.at_us, inner.at_us)
        if background:
            self.finish()
            note = f"<task-notification>\n<task-id>{said}</task-id>\n<result>{last}</result>\n"
            told = {"origin": {"kind": "task-notification"}, "promptSource": "system"}
            talk.prompt(note + "</task-notification>", **(told if talk.is_new else {}))
        self.finish()


class Marker:
    """Gives out words that stand nowhere else. A word of `hidden` nobody may ever find."""

    def __init__(self, needles: dict[str, Needle], hidden: list[str]) -> None:
        self.needles, self.hidden = needles, hidden
        self.every = 7  # so many places of a kind have one needle; 0: none has
        self.places: Counter[str] = Counter()

    def __call__(self, session: str, kind: str) -> str:
        """A needle and a blank, or nothing."""
        if not kind or not self.every:
            return ""
        self.places[kind] += 1
        if self.places[kind] % self.every != 1:
            return ""
        word = "needle" + _letters(len(self.needles))
        self.needles[word] = Needle(session, kind)
        return word + " "

    def forbidden(self) -> str:
        """A word for what is never to be kept."""
        self.hidden.append("veiled" + _letters(len(self.hidden)))
        return self.hidden[-1]


def _letters(number: int) -> str:
    word = ""
    for _ in range(5):
        number, digit = divmod(number, 20)
        word += "bcdfghjklmnpqrstvwxz"[digit]
    return word


def _around(chance: random.Random, mean: float) -> int:
    """A count with a long tail."""
    return int(chance.expovariate(1 / mean) + 0.5) if mean else 0
