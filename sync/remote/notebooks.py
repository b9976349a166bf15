"""Which notebook a piece goes to: found by title or created once, then remembered.

The remote's listing costs it sources times chunks of every notebook, and at some size it fails for
ever. So it is asked rarely, and no notebook grows without bound:

- `session_history` (the base title) takes everything until it is full or a month begins that is
  later than its own, which is the month of its `created_at`; then comes `session_history 2026-12`
  for the pieces of that month, and so on.
- Full are FULL_SOURCES sources, or sources times chunks above FULL_ROWS; what is full continues as
  `... (2)`, `... (3)`. Between two listings each machine counts only what it sends itself.
- Of several notebooks with one title the earliest by (`created_at`, `id`) counts, for everybody.
- One run lists once at most. What it has created counts at once; the next run lists once more,
  since another machine may have created one with that title at the same moment.
- A listing that failed leads to no creation. While the listing fails at the remote's end, pieces
  go on to the newest notebook that is remembered, if there is one, and it is asked once an hour.
"""

import re
from collections.abc import Callable
from itertools import count
from typing import Any

from journal.times import SECOND_US, to_text
from sync.remote.answers import Request, garbage, identifier, rows
from sync.remote.contract import RemoteError, Then
from sync.remote.http import Budget, Http

FULL_SOURCES = 200
FULL_ROWS = 50_000  # the listing ran out of memory at 1.25 million over all notebooks
LIST_BYTES = 32 << 20
_CHUNK_BYTES = 1550  # of new text in each: 1800 characters less the overlap of 250
_REMEMBERED = 12  # months
_AGAIN_US = 3600 * SECOND_US
_OVERLOADED = ("timeout", "server_error", "database_error", "out_of_memory")


class Notebooks:
    """The notebooks of one workspace and base title.

    `memory` is JSON, kept by the caller; `remember` has it on the disk when it returns. A memory
    of another remote (another `name`) is emptied. `settle_us`: how long a creation whose answer
    was lost may still take effect.
    """

    def __init__(
        self, http: Http, prefix: str, base: str, name: str, memory: dict[str, Any],
        remember: Callable[[], None], now_us: Callable[[], int], settle_us: int,
    ) -> None:  # fmt: skip
        if memory.get("remote") != name:
            memory.clear()
            memory["remote"] = name
        self._http = http
        self._path = prefix
        self._base = base
        self._memory = memory
        self._held: dict[str, dict[str, Any]] = memory.setdefault("held", {})
        self._remember = remember
        self._now_us = now_us
        self._settle_us = settle_us
        self._rows: list[dict[str, Any]] | None = None  # as listed in this run

    def place(self, created_us: int, budget: Budget) -> str:
        """The id of the notebook for a piece of that time."""
        month = to_text(created_us)[:7]
        held = self._held.get(month)
        is_sure = held is not None and (not held.get("created") or self._rows is not None)
        if held is not None and is_sure and not full(held["sources"], held["chunks"]):
            return str(held["id"])
        asked = self._now_us() - self._memory.get("overloaded_us", 0)
        if self._held and 0 <= asked < _AGAIN_US:
            return str((held or self._held[max(self._held)])["id"])
        title, row = choose(self._known(budget), self._base, month)
        if row is None and held is not None and held.get("created") and held["title"] == title:
            return str(held["id"])  # the listing lags behind
        if row is None:
            row = self._create(title, budget)
            self._known(budget).append(row)
        return self._keep(month, title, row)

    def count(self, notebook_id: str, body_bytes: int) -> None:
        """One more source, of so many bytes, has gone to this notebook."""
        for held in self._held.values():
            if held["id"] == notebook_id:
                held["sources"] += 1
                held["chunks"] += body_bytes // _CHUNK_BYTES + 1
        for row in self._rows or ():
            if row["id"] == notebook_id:
                sources, chunks = size(row)
                row["source_count"] = sources + 1
                row["chunk_count"] = chunks + body_bytes // _CHUNK_BYTES + 1
        self._remember()

    def forget(self, notebook_id: str) -> None:
        """The remote does not know this notebook any more: look it up again next time."""
        for month in [month for month, held in self._held.items() if held["id"] == notebook_id]:
            del self._held[month]
        self._rows = None
        self._memory.pop("overloaded_us", None)
        self._remember()

    def _known(self, budget: Budget) -> list[dict[str, Any]]:
        """The notebooks, asked for once in a run."""
        if self._rows is None:
            self._rows = self._listed(budget)
        return self._rows

    def _listed(self, budget: Budget) -> list[dict[str, Any]]:
        """All notebooks that are not deleted."""
        request = Request("GET", self._path, max_bytes=LIST_BYTES)
        try:
            found = rows(request, self._http.json(request, budget), "notebooks")
        except RemoteError as error:
            if error.kind in _OVERLOADED and error.counts:
                self._memory["overloaded_us"] = self._now_us()
                self._remember()
            raise
        if not all(isinstance(row.get("title"), str) for row in found):
            raise garbage(request, "answered with a notebook without a title")
        return [row for row in found if not row.get("deleted_at")]

    def _create(self, title: str, budget: Budget) -> dict[str, Any]:
        """Make it, unless an earlier attempt may still take effect; its row."""
        begun = self._memory.get("creating")
        since_us = self._now_us() - begun["at_us"] if begun else self._settle_us
        if begun and begun["title"] == title and 0 <= since_us < self._settle_us:
            raise self._unconfirmed(title)
        self._memory["creating"] = {"title": title, "at_us": self._now_us()}
        self._remember()
        body = {"title": title, "type": "conversation_archive"}
        request = Request.of_json(self._path, body)
        try:
            answer = self._http.json(request, budget)
            unique = identifier(request, answer.get("id"), "id of the notebook")
        except RemoteError as error:
            if not error.ambiguous:
                del self._memory["creating"]
                self._remember()
            error.ambiguous = False  # the notebook may be there, the piece is not
            raise
        made = str(answer.get("created_at") or to_text(self._now_us()))
        return {"id": unique, "title": title, "created_at": made, "created": True}

    def _keep(self, month: str, title: str, row: dict[str, Any]) -> str:
        self._memory.pop("creating", None)
        self._memory.pop("overloaded_us", None)
        sources, chunks = size(row)
        self._held[month] = {
            "id": row["id"], "title": title, "sources": sources, "chunks": chunks,
            **({"created": True} if row.get("created") else {}),
        }  # fmt: skip
        for old in sorted(self._held)[:-_REMEMBERED]:
            if old != month:
                del self._held[old]
        self._remember()
        return str(row["id"])

    def _unconfirmed(self, title: str) -> RemoteError:
        message = f"notebook {title!r} was asked for and is not listed yet"
        return RemoteError(
            "unconfirmed", message, Then.RETRY,
            retry_after_seconds=self._settle_us / SECOND_US, counts=False,
        )  # fmt: skip


def choose(found: list[dict[str, Any]], base: str, month: str) -> tuple[str, dict[str, Any] | None]:
    """The title for a piece of this month (`2026-11`), and its notebook if there is one."""
    earliest: dict[str, dict[str, Any]] = {}
    for row in sorted(found, key=lambda row: (str(row.get("created_at")), row["id"]), reverse=True):
        earliest[row["title"]] = row
    root = base
    if base in earliest and month > _month(earliest[base]):
        root = f"{base} {month}"
    for number in count(1):
        title = root if number == 1 else f"{root} ({number})"
        notebook = earliest.get(title)
        if notebook is None or not full(*size(notebook)):
            return title, notebook
    raise AssertionError("unreachable")


def _month(row: dict[str, Any]) -> str:
    """Of its creation; later than every other if it does not say."""
    created = str(row.get("created_at"))[:7]
    return created if re.fullmatch(r"[0-9]{4}-[0-9]{2}", created) else "9999-12"


def size(row: dict[str, Any]) -> tuple[int, int]:
    """Its sources and chunks; 0 where it does not say."""
    sources, chunks = row.get("source_count"), row.get("chunk_count")
    return (
        sources if isinstance(sources, int) else 0,
        chunks if isinstance(chunks, int) else 0,
    )


def full(sources: int, chunks: int) -> bool:
    """Whether nothing more shall go into a notebook of this size."""
    return sources >= FULL_SOURCES or (sources > 1 and sources * chunks > FULL_ROWS)
