"""A look ahead of the filter for secrets, by hyperscan, where it is installed (the extra `fast`).

Never wrong when it says no: each expression is at least as wide as what `quick_filter` looks
for under it, and what this one lets through the filter still decides. So both accept the same with
and without it; with it most payloads are passed over thirty times faster.
"""

import re
from functools import cache
from threading import Thread

from journal.redaction.escapes import ENCODED, RAW_ESCAPES, RAW_INVISIBLE
from journal.redaction.formats import FORMATS
from journal.redaction.places import PLACES
from journal.redaction.rules import WORD

# Of everything the filter has seen in this process: compiling takes as long as filtering this much.
WORTH_BYTES = 14 << 20
# Without regard to case, and without look-around, which hyperscan does not know.
_OTHERS = (
    # v: of a `value` next to a `name`. An object and a number of up to five digits are not values:
    # each message of a transcript has some of tokens.
    WORD
    + r"[\w.-]*[\\\"'`\]\s,nrt+-]*(?:[=<>v]|:(?:[^0-9{]|[0-9][^ \t\r\n\"'`,;<>(){}\[\]|&]{5}))",
    rf"--[\w.-]*{WORD}",
    r":\\*/\\*/[^ \t\r\n/\"@]*@",
    r"@(?:tcp|unix)\(",
    r"[\x00-\x08\x0e-\x1f\x7f]",
    *(one.decode() for one in (RAW_ESCAPES.pattern, *ENCODED, RAW_INVISIBLE.pattern)),
)
_BEHIND = re.compile(r".*\(\?<=([^)]*)\)")
_LONG_RUN = re.compile(r"\{(\d+),\d{3,}\}\??")


def _expressions() -> list[str]:
    """What the filter looks for; what is before an anchor is written out."""
    found = {re.escape(form.literal) + form.follows for form in FORMATS}
    for place, _ in PLACES:
        for anchor, follows in place.seen:
            behind = _BEHIND.match(follows)
            whole = behind[1] + follows[behind.end() :] if behind else re.escape(anchor) + follows
            found.add(_LONG_RUN.sub(r"{\1,}", whole))
    return [*sorted(found), *_OTHERS]


class Prefilter:
    """Says yes to everything until it has seen so much that its engine is worth compiling."""

    def __init__(self, worth_bytes: int = WORTH_BYTES) -> None:
        self._left_bytes = worth_bytes
        self._is_compiling = False

    def expect(self, size: int) -> None:
        """So many bytes are about to be looked at: if that is worth it, compile in a thread now.

        Until it is done all is left to the filter. Compiling needs no interpreter.
        """
        if 0 < self._left_bytes <= size and not self._is_compiling:
            self._is_compiling = True
            Thread(target=self._compile, daemon=True).start()

    def _compile(self) -> None:
        _engine()
        self._left_bytes, self._is_compiling = 0, False

    def may_hold(self, data: bytes) -> bool:
        """False only if `quick_filter` finds nothing in these bytes; yes without hyperscan."""
        if self._left_bytes > 0 or self._is_compiling:
            self._left_bytes -= len(data)
            return True
        engine = _engine()
        return engine is None or engine.finds(data)


class _Engine:
    """All expressions at once."""

    def __init__(self) -> None:
        import hyperscan

        expressions = _expressions()
        self._error = hyperscan.error
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[expression.encode() for expression in expressions],
            ids=list(range(len(expressions))),
            elements=len(expressions),
            flags=hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH,
        )

    def finds(self, data: bytes) -> bool:
        found: list[int] = []
        try:
            self._database.scan(data, match_event_handler=lambda number, *_: found.append(number))
        except self._error:
            return True  # another thread is looking at this moment: the filter decides
        return bool(found)


@cache
def _engine() -> _Engine | None:
    try:
        return _Engine()
    except ImportError:  # not installed, or not for this processor
        return None
