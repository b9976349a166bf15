"""Export from the team archive: the records as they are, or pages for people."""

from collections.abc import Iterator

from sync.pages import html_page
from sync.pages.markdown import session_markdown
from sync.query.filters import Wanted
from sync.team_archive import listing, records
from sync.team_archive.archive import Archive
from sync.team_archive.listing import Listed
from sync.transcripts import restored
from sync.transfer.export import BETWEEN_PAGES


def session(archive: Archive, one: Listed, form: str, since_us: int) -> Iterator[bytes]:
    """One session in one of the formats of `journal export`. JournalError."""
    if form == "jsonl":
        yield from records.lines_of(archive, one, since_us)
    elif form == "markdown":
        yield session_markdown(records.read(archive, one)).encode()
    elif form == "html":
        yield from (part.encode() for part in html_page.page(records.read(archive, one)))
    else:
        with records.replica(records.lines_of(archive, one)) as db:
            yield from restored.lines(db, records.key_of(db, one))


def sessions(
    archive: Archive, wanted: Wanted, owner: str, form: str, since_us: int,
    adopt_on: tuple[str, ...],
) -> Iterator[bytes]:  # fmt: skip
    """Everything that I may read, as records or as pages, the newest session last. JournalError."""
    if form == "jsonl":
        yield from records.lines(archive, wanted._replace(since_us=None), owner, since_us)
        return
    found = sorted(
        listing.page(archive, wanted, owner, adopt_on), key=lambda one: one.shown["started_at"]
    )
    if form == "html":
        details = (records.read(archive, one) for one in found)
        pages = html_page.pages((one.session() for one in found), details)
        yield from (part.encode() for part in pages)
        return
    for number, one in enumerate(found):
        if number:
            yield BETWEEN_PAGES.encode()
        yield session_markdown(records.read(archive, one)).encode()
