"""What became of a registered source: the service only queues, a job does the work.

Each look counts at the rate limit, so the pauses between two looks grow with the job's age, and
the jobs of many pieces are looked at together, in the list of the notebook's sources.
"""

import re
import time
from collections import defaultdict

from journal.times import SECOND_US
from sync.remote.answers import Answers, Request, rows
from sync.remote.contract import Outcome, Progress, RemoteError, Save, Then
from sync.remote.http import Budget, Http
from sync.remote.notebooks import LIST_BYTES

STUCK_SECONDS = 24 * 3600.0  # the service leaves a job in `parsing` for ever when its parser fails
_SHARE, _SHARE_SECONDS = 0.1, 1.0  # of the time for a piece, for its first looks; at most
_REST_SECONDS = 600.0  # the longest pause between two looks
_DONE = ("completed", "indexed")
_SINGLE_SOURCES = 2  # of one notebook, before all of its sources are listed instead
_LIST_SECONDS = 0.9  # so long one listing answers


class Jobs:
    """The jobs of one workspace; `path` is that of its notebooks."""

    def __init__(self, http: Http, answers: Answers, path: str) -> None:
        self._http = http
        self._answers = answers
        self._path = path
        self.later = False  # a piece that was just registered is looked at by a later call
        self._looked_at: defaultdict[str, set[str]] = defaultdict(set)  # sources by notebook
        self._lists: dict[str, tuple[float, dict[str, str]]] = {}  # when, and status by source

    def outcome(
        self, progress: Progress, save: Save, budget: Budget, now_us: int, fresh: bool
    ) -> Outcome:
        """How far a registered piece is; `fresh`: registered a moment ago, so look twice, or later.

        RemoteError `job_failed`, a rejection: the source is there without being indexed, and sent
        again it would be there twice. A job without an end after STUCK_SECONDS is taken as done,
        with a note in `progress`: its text is at the remote.
        """
        age = (now_us - progress["registered_us"]) / SECOND_US
        polled = (now_us - progress.get("polled_us", 0)) / SECOND_US
        if fresh and self.later:
            return Outcome.PENDING
        if not fresh and 0 <= polled < min(age / 4, _REST_SECONDS):
            return Outcome.PENDING
        share = min(_SHARE * budget.left(), _SHARE_SECONDS)
        for pause in (0.0, share) if fresh else (0.0,):
            time.sleep(max(pause, 0.0))
            if not self._http.enough(budget):
                return Outcome.PENDING
            if self._is_done(progress, budget):
                return Outcome.STORED
        progress["polled_us"] = now_us
        if age > STUCK_SECONDS:
            progress["note"] = "counted as stored: the remote's job has not ended within a day"
        save()
        return Outcome.STORED if age > STUCK_SECONDS else Outcome.PENDING

    def _is_done(self, progress: Progress, budget: Budget) -> bool:
        status, text = self._status(progress, budget)
        if status == "failed":
            message = f"stored, but not indexed: {self._answers.shown(text) or 'without a reason'}"
            raise RemoteError("job_failed", message, Then.REJECT, counts=False)
        return status in _DONE

    def _status(self, progress: Progress, budget: Budget) -> tuple[str, str]:
        """The status and error text of the job, or of the source where no job is known.

        Empty: the remote knows neither, as if the notebook had been deleted.
        """
        status = self._listed_status(progress["notebook_id"], progress["source_id"], budget)
        if status and status != "failed":  # of a failure the job says more
            return status, ""
        notebook = f"{self._path}/{progress['notebook_id']}"
        places = [f"{notebook}/sources/{progress['source_id']}"]
        if "job_id" in progress:
            places.insert(0, f"{notebook}/jobs/{progress['job_id']}")
        for place in places:
            try:
                answer = self._http.json(Request("GET", place), budget)
            except RemoteError as error:
                if error.kind != "not_found":
                    raise
                continue
            return str(answer.get("status")), str(answer.get("errorMessage") or "")
        return "", ""

    def _listed_status(self, notebook_id: str, source_id: str, budget: Budget) -> str:
        """The status of a source among those of its notebook; "": it is to be asked for itself."""
        self._looked_at[notebook_id].add(source_id)
        if len(self._looked_at[notebook_id]) <= _SINGLE_SOURCES:
            return ""
        at, found = self._lists.get(notebook_id, (0.0, {}))
        if not at or time.monotonic() - at > _LIST_SECONDS:
            request = Request(
                "GET", f"{self._path}/{notebook_id}/sources", max_bytes=LIST_BYTES
            )  # fmt: skip
            try:
                listed = rows(request, self._http.json(request, budget), "sources")
            except RemoteError:
                listed = []  # it may be too much for the remote; each job is small
            found = {row["id"]: str(row.get("status") or "") for row in listed}
            self._lists[notebook_id] = time.monotonic(), found
        return found.get(source_id, "")


def job_id(value: object) -> str | None:
    """`value` if it can be a job's id and a part of a path."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_:~-]{1,200}", value):
        return value
    return None
