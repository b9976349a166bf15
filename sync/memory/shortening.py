"""Lines of a story within a room: shorter first, then fewer, the first and the last ones kept."""

from collections import deque
from dataclasses import dataclass
from itertools import chain, islice

from journal.printable import one_line

NEAR = 20  # so many entries back an equal call is looked for

Lines = list[tuple[int, str]]  # in the order of their numbers


@dataclass(slots=True)
class Entry:
    """A line of the story: who or which tool, its words or target, how a call ended."""

    number: int  # its place in the session
    label: str
    text: str
    outcome: str = ""  # its first word says how it ended
    turn: int = 0
    count: int = 1

    def line(self, limit_chars: int) -> str:
        """The line, its text and its outcome within the limit each."""
        outcome = f": {cut(self.outcome, limit_chars)}" if self.outcome else ""
        times = f" x{self.count}" if self.count > 1 else ""
        return f"{self.label} {cut(self.text, limit_chars)}{outcome}{times}"

    def repeats(self, known: "Entry") -> bool:
        """Whether it is the same call in the same turn, however it ended."""
        return (self.turn, self.label, self.text) == (known.turn, known.label, known.text)


class Strand:
    """The entries of one sort. Of more than twice `most`, the first and the last are kept.

    `limits` are the lengths that texts are cut to, the longest first: the first with which all
    lines have room is taken.
    """

    def __init__(self, noun: str, limits: tuple[int, ...], most: int) -> None:
        self._noun = noun
        self._limits = limits
        self._most = max(NEAR, most)
        self._first: list[Entry] = []
        self._last: deque[Entry] = deque()
        self._left_out = 0

    def add(self, entry: Entry) -> None:
        """Add an entry, its text cut to the longest limit."""
        entry.text = cut(entry.text, self._limits[0])
        if len(self._first) < self._most:
            self._first.append(entry)
            return
        self._last.append(entry)
        if len(self._last) > self._most:
            self._left_out += self._last.popleft().count

    def add_call(self, entry: Entry) -> None:
        """Add a call; one that was made a moment ago and ended the same way is counted there."""
        near = islice(chain(reversed(self._last), reversed(self._first)), NEAR)
        known = next((known for known in near if entry.repeats(known)), None)
        if known is None or known.outcome.split(" ")[0] != entry.outcome.split(" ")[0]:
            self.add(entry)
        else:
            known.count += 1
            known.outcome = entry.outcome  # of errors, the newest

    def fit(self, room_chars: int) -> Lines:
        """The lines, each with a newline within the room; how many were left out is said."""
        entries = sorted([*self._first, *self._last], key=lambda entry: entry.number)
        if not self._left_out:
            for limit in self._limits:
                lines = [(entry.number, entry.line(limit)) for entry in entries]
                if size(lines) <= room_chars:
                    return lines
        return self._ends(entries, room_chars)

    def _ends(self, entries: list[Entry], room_chars: int) -> Lines:
        """Taken from both ends in turn, as many as have room next to the note on the others."""
        all_left = self._left_out + sum(entry.count for entry in entries)
        room = room_chars - len(self._note(all_left)) - 1
        limit = max(self._limits[-1], min(150, room // 6))
        first: Lines = []
        last: Lines = []
        for turn in range(len(entries)):
            side = last if turn % 2 else first
            entry = entries[-1 - len(last) if turn % 2 else len(first)]
            line = entry.number, entry.line(limit)
            if (room := room - size([line])) < 0:
                break
            side.append(line)
        left = entries[len(first) : len(entries) - len(last)]
        note = self._note(self._left_out + sum(entry.count for entry in left))
        gap = [(first[-1][0] if first else -1, note)]
        return first + (gap if len(note) < room_chars else []) + last[::-1]

    def _note(self, number: int) -> str:
        return f"({number} {self._noun} left out here)"


def size(lines: Lines) -> int:
    """The characters of the lines, each with a newline."""
    return sum(len(text) + 1 for _, text in lines)


def line(text: str, limit_chars: int) -> str:
    """One line of plain characters; of a huge text only its ends are looked at."""
    if len(text) > 2 * limit_chars:
        end = limit_chars // 2
        text = f"{text[: 3 * end]} … {text[-end:]}"
    return cut(one_line(text), limit_chars)


def cut(text: str, limit_chars: int) -> str:
    """The text within its limit: beginning and end, for what matters may come last."""
    if len(text) <= limit_chars:
        return text
    end = limit_chars // 4
    return f"{text[: limit_chars - end - 3].rstrip()} … {text[-end:].lstrip()}"
