"""What the overview shows: who waits, what runs, what was done today, and what before."""

from datetime import timedelta
from itertools import islice

import apsw

from journal.web import charts, questions
from journal.web.questions import Context
from journal.web.request_parameters import Asked
from journal.web.site import Site
from sync.query import days, digest, files, listing

_ROWS = 30  # of those that wait, and of those that run
_FEW = 12


def now(site: Site, db: apsw.Connection, _: Asked) -> Context:
    """Who waits for the person, and what runs."""
    waiting, more = questions.page(db, site, questions.shown(site, "awaiting"), _ROWS)
    working, _more = questions.page(db, site, questions.shown(site, "working"), _ROWS)
    states = listing.states(db, questions.shown(site))
    running = [one for one in working if not one.is_silent(site.app.now_us)]
    states["working"] -= len(working) - len(running)
    return {"waiting": waiting, "more_wait": more, "working": running, "states": states}


def today(site: Site, db: apsw.Connection, _: Asked) -> Context:
    """What was done since midnight, in the sessions that neither wait nor run."""
    now_us = site.app.now_us
    midnight_us = days.start_us(days.today(now_us))
    found = days.since(db, midnight_us, files.EDIT_TOOLS)
    sessions = listing.read(db, found.sessions, site.adopt_on)
    resting = (one for one in sessions if one.status not in ("awaiting", "working"))
    done = [digest.done(db, session, midnight_us) for session in islice(resting, _FEW)]
    return {"day": found, "day_done": done}


def year(site: Site, db: apsw.Connection, _: Asked) -> Context:
    """What was asked on each day of the last year."""
    today = days.today(site.app.now_us)
    first = charts.first_day(today)
    stamp = (site.live.number, today)
    counts = site.kept("year", stamp, lambda: days.prompts_by_day(db, first, today))
    recent = sum(counts.get(today - timedelta(days=n), 0) for n in range(7))
    return {"year": charts.year(counts, today, "prompts"), "week_prompts": recent}


def latest(site: Site, db: apsw.Connection, _: Asked) -> Context:
    """Those that were active last before today."""
    midnight_us = days.start_us(days.today(site.app.now_us))
    wanted = questions.shown(site)._replace(until_us=midnight_us)
    found = list(listing.read(db, listing.newest_first(db, wanted, _FEW), site.adopt_on))
    return {"latest": found}
