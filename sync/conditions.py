"""What the stages that wait for others are given: places, settings, clocks, and ways to stop."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

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
    take_in: Callable[[], object]  # a local pass
    tell: Callable[[str], None] = lambda _: None  # what is being waited for

    @property
    def now_us(self) -> int:
        """Microseconds since 1970."""
        return self.clock_ns() // 1000
