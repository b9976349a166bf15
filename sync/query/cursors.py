"""Where a search stopped, as text: a page that begins there repeats nothing and leaves nothing out.

Ranks do not move: a text's depends on the text and the moment of the first page, see sync/rank.py.
Only a summary is rewritten as its session goes on, so the summaries that were looked at are
named.
"""

from typing import NamedTuple

from journal.errors import UsageError

_VERSION = "1"
_HINT = "repeat the words and filters, with the cursor of a line unchanged"


class Window(NamedTuple):
    """Sessions whose texts are ranked together, as two places in the order (last event, row).

    `above` is not part of it, `floor` is. Before all sessions lies TOP, behind them BOTTOM.
    """

    above: tuple[int, int]
    floor: tuple[int, int]
    events: int  # so many at least, unless it is the last one; 0: all sessions


TOP = (1 << 62, 0)
BOTTOM = (-(1 << 62), 0)  # before 1970, too
ALL = Window(TOP, BOTTOM, 0)


class Cursor(NamedTuple):
    """A place in the results of one search. `mark` distinguishes that search from others."""

    mark: int
    now_us: int  # of the first page: the moment at which texts have their age
    last_seq: int  # the last event of the first page; later ones are not looked at
    window: Window
    rank: float = float("-inf")  # of the text of an event that was looked at last
    number: int = 0  # its row of full_text
    summaries: tuple[int, ...] = ()  # sessions whose summaries have been looked at

    def __str__(self) -> str:
        """The opaque text; no shell and no address finds anything in it."""
        place = (*self.window.above, *self.window.floor, self.window.events, self.number)
        head = (self.mark, self.now_us, self.last_seq, *place, *self.summaries)
        rank = self.rank.hex().replace("+", "")  # which addresses take for a space
        return "_".join((_VERSION, rank, *map("{:x}".format, head)))

    @classmethod
    def of(cls, text: str) -> "Cursor":
        """The cursor of such a text. UsageError: it is none."""
        version, *rest = text.split("_")
        if version != _VERSION and len(rest) > 1:
            raise UsageError("this cursor is from another version", "begin again without --after")
        try:
            rank = float.fromhex(rest[0])
            numbers = [int(part, 16) for part in rest[1:]]
            if any(abs(number) >= 1 << 63 for number in numbers):
                raise ValueError("out of bounds")
            mark, now_us, last_seq, *place = numbers
            above_us, above, floor_us, floor, events, number, *summaries = place
        except (ValueError, OverflowError, IndexError) as error:
            raise UsageError("this is not a cursor of a search", _HINT) from error
        window = Window((above_us, above), (floor_us, floor), events)
        return cls(mark, now_us, last_seq, window, rank, number, tuple(summaries))

    def check(self, mark: int) -> None:
        """UsageError: it is of a search with other words or filters."""
        if mark != self.mark:
            raise UsageError("this cursor belongs to another search", _HINT)
