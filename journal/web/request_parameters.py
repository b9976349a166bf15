"""What the query of an address asks for. Names and words are those of the commands' options."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from journal.cli.daily.search import KINDS
from journal.errors import UsageError
from journal.printable import one_line
from sync.query.filters import Calls, File, Filters, Wanted, moment_us
from sync.query.listing import STATES

FILTERS = ("project", "branch", "agent", "host", "state", "since", "until", "all")
MOST = 500  # of a list, on one page
_CHARS = 2_000  # of one value


class Asked(NamedTuple):
    """The values of a query, each name once."""

    values: Mapping[str, str]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], known: tuple[str, ...] | None = None) -> "Asked":
        """UsageError: a name that is not `known`, one that comes twice, or a value too long."""
        values: dict[str, str] = {}
        for name, value in pairs:
            if known is not None and name not in known:
                raise UsageError(f"{one_line(name)[:40]!r} is not known here", _names(known))
            if name in values or len(value) > _CHARS:
                raise UsageError(f"{one_line(name)[:40]} is given twice or is too long")
            values[name] = value
        return cls(values)

    def text(self, name: str) -> str:
        """A value without the spaces around it; "" if there is none."""
        return self.values.get(name, "").strip()

    def number(self, name: str, default: int, least: int = 1, most: int = MOST) -> int:
        """UsageError: it is not a whole number within the bounds."""
        text = self.text(name)
        if not text:
            return default
        if not text.isdecimal() or not text.isascii() or not least <= int(text[:19]) <= most:
            raise UsageError(f"{name} is not a number", f"give {least} to {most}")
        return int(text)

    def flag(self, name: str) -> bool:
        """UsageError: it is neither 1 nor 0."""
        text = self.text(name)
        if text not in ("", "0", "1"):
            raise UsageError(f"{name} is {one_line(text)[:40]!r}", "give 1 or 0")
        return text == "1"

    def sessions(self, adopt_on: tuple[str, ...], now_us: int) -> Wanted:
        """The sessions that the filters name. UsageError: a state or a time is none."""
        state = self.text("state")
        if state not in ("", *STATES):
            raise UsageError(f"{one_line(state)[:40]!r} is not a state", _names(STATES))
        since, until = self.text("since"), self.text("until")
        filters = Filters(
            adopt_on=None if self.flag("all") else adopt_on,
            project=self.text("project"),
            branch=self.text("branch"),
            state=state,
            agent=self.text("agent"),
            host=self.text("host"),
        )
        return Wanted(
            filters,
            since_us=moment_us(since, now_us) if since else None,
            until_us=moment_us(until, now_us) if until else None,
        )

    def kind(self) -> str:
        """The kind of text that a search is for; "" for all. UsageError: there is none such."""
        kind = self.text("kind")
        if kind not in ("", *KINDS):
            raise UsageError(f"{one_line(kind)[:40]!r} is not a kind of text", _names(KINDS))
        return kind

    def calls(self) -> Calls | None:
        """The tool calls that a search is for."""
        tool, path = self.text("tool"), self.text("file")
        if not tool and not path:
            return None
        return Calls(tool, file(path) if path else None)


def file(path: str) -> File:
    """A file as it is named on a page: a whole path, or the last parts of one."""
    return File(paths=(path,)) if path.startswith("/") else File(tail=path.removeprefix("./"))


def _names(known: Iterable[str]) -> str:
    return "there are: " + ", ".join(known)
