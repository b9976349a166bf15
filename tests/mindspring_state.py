"""What the MindSpring service of the tests has stored, and how long its jobs take."""

import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHUNK_BYTES = 1550


def moment(at: float) -> str:
    """ISO 8601 with microseconds, as in the service's rows."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    return f"{whole}.{int(at * 1e6) % 1_000_000:06d}Z"


@dataclass
class State:
    """Notebooks, uploads, sources, jobs. With a file it outlives a killed process."""

    file: Path | None = None
    job_seconds: float = 0.0  # until a job is at its end; below 0: never
    job_status: str = ""  # what every job says, whatever it has done
    upload_lag_seconds: float = 0.0  # until a registration finds an upload
    source_lag_seconds: float = 0.0  # until a listing shows a source
    notebooks: dict[str, dict[str, Any]] = field(default_factory=dict)
    uploads: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    guard: Any = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        if self.file is not None and self.file.exists():
            for line in self.file.read_text().splitlines():
                table, row = json.loads(line)
                getattr(self, table)[row["id"]] = row

    def _put(self, table: str, row: dict[str, Any]) -> dict[str, Any]:
        getattr(self, table)[row["id"]] = row
        if self.file is not None:
            with self.file.open("a") as lines:
                lines.write(json.dumps([table, row]) + "\n")
        return row

    def add_notebook(
        self, workspace: str, title: str, kind: str = "conversation_archive", at: float = 0.0
    ) -> dict[str, Any]:
        """A notebook, made now or at `at`."""
        with self.guard:
            made = moment(at or time.time())
            row = {
                "id": uuid.uuid4().hex, "workspace_id": workspace, "title": title, "type": kind,
                "description": None, "instructions": "", "created_at": made, "updated_at": made,
                "deleted_at": None,
            }  # fmt: skip
            return self._put("notebooks", row)

    def delete_notebook(self, notebook: str) -> None:
        """Softly, as the service does."""
        with self.guard:
            self._put("notebooks", self.notebooks[notebook] | {"deleted_at": moment(time.time())})

    def counted(self, notebook: dict[str, Any]) -> dict[str, Any]:
        """The row with its counts."""
        mine = [row for row in self.sources.values() if row["notebook_id"] == notebook["id"]]
        chunks = sum(self.chunks(row) for row in mine)
        return notebook | {"source_count": len(mine), "chunk_count": chunks}

    def chunks(self, source: dict[str, Any]) -> int:
        return len(self.body(source)) // CHUNK_BYTES + 1

    def body(self, source: dict[str, Any]) -> str:
        """The text that a source was registered with."""
        return str(self.uploads[source["r2_object_key"]]["body"])

    def listing(self, workspace: str) -> list[dict[str, Any]]:
        """What GET of all notebooks shows: newest updated first, no paging."""
        with self.guard:
            rows = [row for row in self.notebooks.values() if row["workspace_id"] == workspace]
            rows = [self.counted(row) for row in rows if row["deleted_at"] is None]
            return sorted(rows, key=lambda row: str(row["updated_at"]), reverse=True)

    def sources_of(self, notebook: str) -> list[dict[str, Any]]:
        """What GET of a notebook's sources shows."""
        with self.guard:
            shown = time.time() - self.source_lag_seconds
            rows = [row for row in self.sources.values() if row["notebook_id"] == notebook]
            rows = [row for row in rows if row["made"] <= shown]
            return [self.source(row) for row in rows]

    def source(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row of one source, with the status that follows from its job."""
        job = next((job for job in self.jobs.values() if job["source_id"] == row["id"]), None)
        names = {"completed": "indexed", "failed": "failed", "queued": "pending"}
        status = names.get(self.status(job), "processing") if job else "pending"
        shown = {key: value for key, value in row.items() if key != "made"}
        return shown | {"status": status, "chunk_count": self.chunks(row)}

    def upload(self, name: str, body: bytes) -> dict[str, Any]:
        with self.guard:
            text = body.decode("utf-8", "replace")
            row = {"id": uuid.uuid4().hex, "name": name, "body": text, "made": time.time()}
            return self._put("uploads", row)

    def known_upload(self, upload: str) -> bool:
        """Whether a registration finds it yet: the key-value store lags behind."""
        row = self.uploads.get(upload)
        return row is not None and time.time() - row["made"] >= self.upload_lag_seconds

    def register(self, workspace: str, notebook: str, body: dict[str, Any]) -> dict[str, Any]:
        """A source and its job. Neither the notebook nor the hash is compared with anything."""
        with self.guard:
            now = time.time()
            row = {
                "id": uuid.uuid4().hex, "workspace_id": workspace, "notebook_id": notebook,
                "title": body["title"], "type": body["type"], "made": now,
                "r2_object_key": body["sourceUploadId"], "content_hash": body.get("contentHash"),
                "created_at": moment(now), "deleted_at": None,
            }  # fmt: skip
            self._put("sources", row)
            job = {
                "id": uuid.uuid4().hex, "workspace_id": workspace, "notebook_id": notebook,
                "source_id": row["id"], "made": now, "readable": is_archive(self.body(row)),
            }  # fmt: skip
            self._put("jobs", job)
            return {"source": self.source(row), "jobId": job["id"]}

    def status(self, job: dict[str, Any]) -> str:
        """Where a job is now."""
        if self.job_status:
            return self.job_status
        age = time.time() - float(job["made"])
        if self.job_seconds < 0 or age < self.job_seconds:
            return "queued" if age < abs(self.job_seconds) / 3 else "embedding"
        return "completed" if job["readable"] else "failed"


def is_archive(text: str) -> bool:
    """Whether the service's chat_export parser finds a thread: in an array alone."""
    try:
        threads = json.loads(text)
    except ValueError:
        return False
    if not isinstance(threads, list) or not threads:
        return False
    return all(
        isinstance(message["content"]["parts"][0], str) and message["author"]["role"]
        for thread in threads
        for message in thread["messages"]
    )
