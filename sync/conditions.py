"""What a pass, and the stages that wait for others, are given: home, settings, clocks, limits."""

import os
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from journal.layout import Layout
from journal.settings.sources import Settings


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of one run of such stages. Clocks and terminals belong to the caller."""

    layout: Layout
    settings: Settings
    environ: Mapping[str, str]
    clock_ns: Callable[[], int]  # nanoseconds since 1970
    stopping: Callable[[], bool]
    run_pass: Callable[[], object]  # a local pass
    report: Callable[[str], None] = lambda _: None  # what is being waited for

    @property
    def now_us(self) -> int:
        """Microseconds since 1970."""
        return self.clock_ns() // 1000


class Reading(NamedTuple):
    """What both clocks said at one moment. `boot` names the start of the machine; "": unknown."""

    boot: str
    up_us: int  # since that start, the time asleep included
    wall_us: int  # since 1970


def never() -> bool:
    """No deadline."""
    return False


@dataclass(frozen=True, slots=True)
class Pass:
    """The conditions of one pass. Clocks and terminals belong to the caller."""

    layout: Layout
    settings: Settings
    now_us: int
    keep_trying: Callable[[], bool] = never  # while another process holds the lock
    out_of_time: Callable[[], bool] = never  # asked between batches; newest files come first
    progress: Callable[[int, int], None] | None = None  # bytes done, bytes in all
    packs: bool = True  # pack closed days; not while a command waits
    pack_at_once: bool = False  # what an import has just written, too
    screened: Container[int] = frozenset()  # see Screen
    follow: bool = True  # look for transcripts that no hook named
    prune: bool = False  # look after retention now, not only once an hour
    rebuild: bool = False  # rebuild the database before anything else
    accept_loss: bool = False  # of records that were in a damaged database alone
    accept_clock: bool = False  # a person says that the clock is right
    reading: Reading | None = None  # of both clocks; None: `now_us` is not compared
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
