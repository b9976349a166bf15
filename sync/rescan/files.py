"""A rescan of the files outside the database: packs, pieces, dead letters, logs.

Each file is replaced whole, so a killed rescan leaves every one as it was or as it is to be. Day
files stay raw: they are redacted whenever they are read. To be called under `deliver.lock` and
`sync.lock`, except to look.
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from journal.durable_files import write_whole
from journal.layout import Layout
from journal.record import record
from journal.record.record import Record
from journal.redaction.redactor import Redactor
from sync.delivery import dead_pieces, receipts, redact_before_send, retry_queue
from sync.delivery.redact_before_send import UncleanError
from sync.ingest import dead_letters
from sync.rescan.counts import Rescanned
from sync.retention.draft import Draft
from sync.retention.pack_file import (
    DamagedPackError,
    drafts,
    every_pack,
    name_rules,
    read_pack,
    rules_of,
)

BINDS = "binds.jsonl"  # of dead letters, a view of the database


@dataclass(frozen=True)
class Files:
    """The files of one home. OSError, JournalError: one cannot be read or written."""

    layout: Layout
    redactor: Redactor
    now_ns: int
    found: Rescanned
    is_stored: Callable[[Record], bool]  # in the database, where it is counted
    passed: Callable[[int], None]  # so many bytes of files

    def run(self) -> None:
        """Look at all of them and, but for a dry run, redact what is to be redacted."""
        if not self.found.dry_run:
            self._tidy()
        self._packs()
        self._pieces()
        self._dead_pieces()
        self._letters()
        self._logs()

    def _tidy(self) -> None:
        """Remove unfinished files: their writer was killed, for we have the locks."""
        layout = self.layout
        for folder in (layout.retry, layout.dead, layout.logs, layout.contexts):
            for path in _files(folder):
                if path.name[0] == ".":
                    path.unlink()
        for path in drafts(layout):
            path.unlink()

    def _passed(self, path: Path) -> None:
        self.passed(path.stat().st_size if path.exists() else 0)

    def _packs(self) -> None:
        for path in every_pack(self.layout):
            try:
                if self._look_at_pack(path):
                    self.found.packs += 1
                    if not self.found.dry_run:
                        self._repack(path)
                elif not self.found.dry_run and rules_of(path) != self.redactor.rules:
                    name_rules(path, self.redactor.rules)
            except (DamagedPackError, record.BadLineError) as error:
                self.found.problems.append(f"{path} is damaged and was not changed: {error}")
            self._passed(path)

    def _look_at_pack(self, path: Path) -> bool:
        """Count its records that are nowhere else; whether any of them is to be redacted."""
        hit = False
        for made in map(record.parse, read_pack(path)):
            clean = self._clean(made)
            hit |= clean != made
            if not self.is_stored(made):
                self.found.count(record.dump(made), record.dump(clean))
        return hit

    def _clean(self, made: record.Record) -> record.Record:
        """A record with its body and its header's other keys redacted."""
        origin = self.redactor.json(orjson.dumps(made.origin))
        body = self.redactor.json(made.body)
        return made._replace(body=body, origin=orjson.loads(origin))

    def _repack(self, path: Path) -> None:
        draft = Draft()
        try:
            for made in map(record.parse, read_pack(path)):
                draft.add(self._clean(made))
            draft.write(path, self.redactor.rules)
        finally:
            draft.close()

    def _pieces(self) -> None:
        for name in retry_queue.list_names(self.layout.retry):
            path = self.layout.retry / name
            try:
                self.found.retry += self._clean_piece(path)
            except retry_queue.GoneError:
                continue  # delivered while a dry run looks
            except retry_queue.ForeignRetryError as error:
                self.found.problems.append(str(error))
            self._passed(path)

    def _clean_piece(self, path: Path) -> bool:
        before = retry_queue.read(path)
        try:
            piece = redact_before_send.cleaned(before, self.redactor)
        except UncleanError as error:
            if not self.found.dry_run:
                piece = redact_before_send.redacted_piece(before, self.redactor)
                receipts.reject(self.layout, path, piece, "unclean", str(error), self.now_ns)
            return True
        if piece is not before and not self.found.dry_run:
            redact_before_send.put(path, before, piece, self.layout.dead)
        return piece is not before

    def _dead_pieces(self) -> None:
        for path in dead_pieces.list_paths(self.layout.dead):
            try:
                before = dead_pieces.read(path)
                try:
                    piece = redact_before_send.cleaned(before.piece, self.redactor)
                except UncleanError:
                    piece = redact_before_send.redacted_piece(before.piece, self.redactor)
                reason = self.redactor.text(before.reason)
                if piece is not before.piece or reason != before.reason:
                    self.found.dead += 1
                    if not self.found.dry_run:
                        dead_pieces.rewrite(path, piece, reason)
            except retry_queue.ForeignRetryError as error:
                self.found.problems.append(str(error))
            self._passed(path)

    def _letters(self) -> None:
        for path in _files(self.layout.dead):
            is_ours = path.suffix == ".jsonl" and path.name != BINDS and path.name[0] != "."
            if is_ours and not dead_letters.is_dead_name(path.name):
                changed = self._rewrite(path, self._letter)
                self.found.dead += changed
                self._passed(path)

    def _letter(self, line: bytes) -> bytes:
        """Redacted as it was when it was kept: as text, also if it was once part of JSON."""
        try:
            entry = orjson.loads(line)
            texts = {key: entry[key] for key in ("text", "reason") if key in entry}
            texts = {key: self.redactor.text(text) for key, text in texts.items()}
            if "base64" in entry:
                texts["base64"] = self._kept(entry["base64"])
        except (orjson.JSONDecodeError, TypeError, AttributeError, binascii.Error):
            return self._counted(line, self.redactor.json(line))  # cut off by a full disk
        is_same = all(entry[key] == text for key, text in texts.items())
        return self._counted(line, line if is_same else orjson.dumps({**entry, **texts}))

    def _kept(self, encoded: str) -> str:
        """What was not UTF-8."""
        text = base64.b64decode(encoded).decode("utf-8", "surrogateescape")
        kept = self.redactor.text(text).encode("utf-8", "surrogateescape")
        return base64.b64encode(kept).decode("ascii")

    def _counted(self, before: bytes, after: bytes) -> bytes:
        self.found.count(before, after)
        return after

    def _logs(self) -> None:
        for path in _files(self.layout.logs):
            self.found.logs += bool(self._rewrite(path, self.redactor.json))
            self._passed(path)

    def _rewrite(self, path: Path, clean: Callable[[bytes], bytes]) -> int:
        """Replace the lines of a file that change; how many those are."""
        lines = path.read_bytes().split(b"\n")
        kept = [clean(line) if line else line for line in lines]
        changed = sum(new != old for new, old in zip(kept, lines, strict=True))
        if changed and not self.found.dry_run:
            write_whole(path, b"\n".join(kept))
        return changed


def _files(folder: Path) -> Iterator[Path]:
    try:
        found = sorted(folder.iterdir())
    except FileNotFoundError:
        return iter(())
    return (path for path in found if path.is_file() and not path.is_symlink())
