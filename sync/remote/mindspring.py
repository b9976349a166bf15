"""MindSpring: pieces as sources of a notebook.

The service has no idempotency: what is sent twice is there twice. So each step is on the disk
before it is taken, and a registration whose answer was lost is looked up by the piece's content
hash. "Not there" counts only once the lost request can no longer take effect (see SETTLE); a
remote that takes a registration later than that, or lists it later, gets the piece twice.

`progress` of a piece: `remote`, `upload_id`, `upload_misses`, `notebook_id`, `registering` (when
the registration was begun, microseconds), `source_id`, `job_id`, `registered_us`, `polled_us`,
`note` (what is odd about it).
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from journal.printable import spelled_out
from journal.settings import sections
from journal.times import SECOND_US
from sync.remote import thread
from sync.remote.answers import Answers, Request, identifier, rows
from sync.remote.contract import (
    Heading,
    Material,
    Outcome,
    Piece,
    Progress,
    RemoteError,
    Save,
    Then,
    hashes_before,
)
from sync.remote.http import Budget, Http
from sync.remote.jobs import Jobs, job_id
from sync.remote.naming import max_bytes, name_of
from sync.remote.notebooks import LIST_BYTES, Notebooks

SETTLE = 6  # times `timeout_seconds`, by which a request without an answer has had its effect
_UPLOAD_MISSES = 3  # the remote's list of uploads lags behind


class MindSpring:
    """One workspace and notebook title of one service. See contract.Remote.

    `memory` (JSON, kept by the caller) and `remember` are those of Notebooks. RemoteError, a
    pause: the address or the token cannot be one. No request is made before `deliver`.
    """

    def __init__(
        self, settings: sections.Remote, token: str, memory: dict[str, Any],
        remember: Callable[[], None], now_us: Callable[[], int],
    ) -> None:  # fmt: skip
        self._answers = Answers(token, now_us)
        self._http = Http(
            settings.url, token, self._answers,
            settings.connect_timeout_seconds, settings.timeout_seconds,
        )  # fmt: skip
        self._name = name_of(settings)
        self._max_bytes = max_bytes(settings)
        self._settle_us = int(SETTLE * settings.timeout_seconds * SECOND_US)
        self._now_us = now_us
        self._path = f"/api/v2/workspaces/{quote(settings.workspace, safe='')}/notebooks"
        self._notebooks = Notebooks(
            self._http, self._path, settings.notebook, self._name,
            memory, remember, now_us, self._settle_us,
        )  # fmt: skip
        self._jobs = Jobs(self._http, self._answers, self._path)

    def __repr__(self) -> str:
        return f"MindSpring({self._name!r})"

    @property
    def name(self) -> str:
        """Address, workspace and title."""
        return self._name

    @property
    def max_bytes(self) -> int:
        """`max_source_bytes`, and never more than a simple upload takes."""
        return self._max_bytes

    def render(self, heading: Heading, material: Material) -> bytes:
        """A JSON array with one thread; see `thread.render`."""
        return thread.render(heading, material)

    def split(self, piece: Piece) -> list[bytes]:
        """See `thread.split`."""
        return thread.split(piece.body)

    def look_later(self) -> None:
        """Pieces are registered one after the other; their jobs are looked at afterwards."""
        self._jobs.later = True

    def close(self) -> None:
        """Give up the connection."""
        self._http.close()

    def deliver(self, piece: Piece, progress: Progress, save: Save, seconds: float) -> Outcome:
        """Upload, register, look at the job; see `Jobs.outcome` for how that may end."""
        budget = Budget(seconds)
        if progress.get("remote") != self._name:
            progress.clear()
            progress["remote"] = self._name
        fresh = "registered_us" not in progress
        if fresh and not self._found(piece, progress, save, budget):
            self._send(piece, progress, save, budget)
        return self._jobs.outcome(progress, save, budget, self._now_us(), fresh)

    def _send(self, piece: Piece, progress: Progress, save: Save, budget: Budget) -> None:
        notebook_id = self._notebooks.place(piece.created_us, budget)
        if "upload_id" not in progress:
            progress["upload_id"] = self._uploaded(piece, budget)
            save()
        try:
            self._register(notebook_id, piece, progress, save, budget)
        except RemoteError as error:
            if error.kind != "not_found":
                raise
            if "upload" in str(error):
                raise self._not_ready(progress, save) from error
            again = self._another(notebook_id, piece, error, budget)
            self._register(again, piece, progress, save, budget)

    def _uploaded(self, piece: Piece, budget: Budget) -> str:
        """The id of the upload. An upload that is not registered is invisible: two do no harm."""
        name = f"{piece.agent}-{piece.session}-{piece.host}-{piece.number}{piece.part}"
        request = Request(
            "POST", "/api/uploads/simple", piece.body,
            file_name=re.sub(r"[^A-Za-z0-9._-]", "_", name)[:200] + ".json", refused=Then.SPLIT,
        )  # fmt: skip
        return identifier(request, self._http.json(request, budget).get("uploadId"), "uploadId")

    def _register(
        self, notebook_id: str, piece: Piece, progress: Progress, save: Save, budget: Budget
    ) -> None:
        body = {
            "title": spelled_out(piece.title),
            "type": "chat_export",
            "parserType": "chat_export",
            "sourceUploadId": progress["upload_id"],
            "contentHash": piece.sha256,
        }
        path = f"{self._path}/{notebook_id}/sources"
        request = Request.of_json(path, body, refused=Then.SPLIT)
        progress |= {"notebook_id": notebook_id, "registering": self._now_us()}
        save()
        try:
            answer = self._http.json(request, budget)
            source = answer.get("source")
            found = source.get("id") if isinstance(source, dict) else answer.get("sourceId")
            source_id = identifier(request, found, "id of the source")
        except RemoteError as error:
            if not error.ambiguous:
                del progress["registering"]
                save()
            raise
        self._registered(piece, progress, save, source_id, job_id(answer.get("jobId")))

    def _registered(
        self, piece: Piece, progress: Progress, save: Save, source_id: str, job: str | None
    ) -> None:
        progress |= {"source_id": source_id, "registered_us": self._now_us()}
        if job is not None:
            progress["job_id"] = job
        del progress["registering"]
        save()
        self._notebooks.count(progress["notebook_id"], len(piece.body))

    def _not_ready(self, progress: Progress, save: Save) -> RemoteError:
        """The remote does not know the upload: it may soon; if it still does not, upload again."""
        progress["upload_misses"] = progress.get("upload_misses", 0) + 1
        if progress["upload_misses"] > _UPLOAD_MISSES:
            del progress["upload_id"], progress["upload_misses"]
        save()
        message = "the remote does not know the upload yet"
        return RemoteError("not_ready", message, Then.RETRY, retry_after_seconds=2.0, counts=False)

    def _another(self, notebook_id: str, piece: Piece, error: RemoteError, budget: Budget) -> str:
        """Another notebook in the place of one that is not there; `error` if there is none."""
        self._notebooks.forget(notebook_id)
        again = self._notebooks.place(piece.created_us, budget)
        if again == notebook_id:
            raise error
        return again

    def _found(self, piece: Piece, progress: Progress, save: Save, budget: Budget) -> bool:
        """Whether an earlier attempt, of which we do not know the end, has registered the piece.

        RemoteError, ambiguous: it cannot be known yet. Nothing is sent then.
        """
        if "registering" not in progress:
            return False
        try:
            source = self._looked_up(piece, progress, budget)
        except RemoteError as error:
            error.ambiguous = True
            raise
        if source is not None:
            if source["content_hash"] != piece.sha256:
                progress["note"] = "stored as it was before the last redaction"
            self._registered(piece, progress, save, source["id"], None)
            return True
        waited_us = self._now_us() - progress["registering"]
        if waited_us < 0:  # the clock was set back
            progress["registering"] = self._now_us()
            save()
        if waited_us < self._settle_us:
            left = (self._settle_us - max(waited_us, 0)) / SECOND_US
            message = f"sent without an answer and not found; checked again in {left:.0f} s"
            raise RemoteError(
                "unconfirmed", message, Then.RETRY,
                ambiguous=True, retry_after_seconds=left, counts=False,
            )  # fmt: skip
        del progress["registering"]
        save()
        return False

    def _looked_up(self, piece: Piece, progress: Progress, budget: Budget) -> dict[str, Any] | None:
        """The earliest source of the notebook with the piece's content, as it is or was before."""
        notebook_id = progress["notebook_id"]
        request = Request("GET", f"{self._path}/{notebook_id}/sources", max_bytes=LIST_BYTES)
        try:
            found = rows(request, self._http.json(request, budget), "sources")
        except RemoteError as error:
            if error.kind != "not_found":
                raise
            self._another(notebook_id, piece, error, budget)
            return None  # deleted, with all that was in it
        hashes = {piece.sha256, *hashes_before(progress)}
        same = [row for row in found if row.get("content_hash") in hashes]
        return min(same, key=lambda row: (str(row.get("created_at")), row["id"]), default=None)
