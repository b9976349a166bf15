"""What tokens cost: the table of genai-prices, which lies in the package, under the user's own.

Nothing is fetched. A price may depend on the day, and on how large a message is (tiers): so counts
are asked for by size class, see `Prices.bounds`.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from importlib.metadata import version
from typing import NamedTuple

from journal.settings.sections import Price
from journal.times import DAY_US, to_datetime

_MILLION = 1_000_000
_SMALL = 1_000  # tokens: a message that is in no tier


class Rate(NamedTuple):
    """USD for one token of each kind."""

    input: float
    output: float
    cache_read: float
    cache_write: float


class Prices:
    """The prices of models. `own`: the settings' `[prices]`, in USD per million tokens."""

    def __init__(self, own: Mapping[str, Price]) -> None:
        self._own = {
            name: Rate(
                one.input / _MILLION,
                one.output / _MILLION,
                (one.input if one.cache_read is None else one.cache_read) / _MILLION,
                (one.input if one.cache_write is None else one.cache_write) / _MILLION,
            )
            for name, one in own.items()
        }
        self._rates: dict[tuple[str, int, int], Rate | None] = {}

    def bounds(self, models: Iterable[str]) -> list[int]:
        """The sizes in tokens at which one of these models gets another price, ascending."""
        found: set[int] = set()
        for model in models:
            if model not in self._own:
                found.update(_tiers(model))
        return sorted(found)

    def rate(self, model: str, at_us: int, above: int) -> Rate | None:
        """The price of a message with more than `above` tokens; None: it has none."""
        if model in self._own:
            return self._own[model]
        key = (model, at_us // DAY_US, above)
        if key not in self._rates:
            self._rates[key] = _rate(model, at_us, above)
        return self._rates[key]


@cache
def source() -> str:
    """The table that is used, with its date: that of the newest price in it."""
    from genai_prices.data import providers
    from genai_prices.types import ConditionalPrice, StartDateConstraint

    today = date.today()  # noqa: DTZ011 - of a table, shown to people
    found = [
        constraint.start_date
        for provider in providers
        for model in provider.models
        if isinstance(model.prices, list)
        for price in model.prices
        if isinstance(price, ConditionalPrice)
        and isinstance(constraint := price.constraint, StartDateConstraint)
        and constraint.start_date <= today
    ]
    newest = f", newest price of {max(found)}" if found else ""
    return f"genai-prices {version('genai-prices')}{newest}"


def _rate(model: str, at_us: int, above: int) -> Rate | None:
    """What one token more costs, of each kind."""
    import genai_prices

    size = above + _SMALL

    def cost(output: int = 0, read: int = 0, write: int = 0) -> float:
        usage = genai_prices.Usage(
            input_tokens=size,
            output_tokens=output,
            cache_read_tokens=read,
            cache_write_tokens=write,
        )
        when = to_datetime(at_us)
        found = genai_prices.calc_price(usage, model, genai_request_timestamp=when)
        return float(found.total_price)

    try:
        bare = cost()
        return Rate(
            bare / size, (cost(output=_MILLION) - bare) / _MILLION, cost(read=size) / size,
            cost(write=size) / size,
        )  # fmt: skip
    except (LookupError, ValueError):
        return None


@cache
def _tiers(model: str) -> tuple[int, ...]:
    import genai_prices
    from genai_prices.types import ModelPrice, TieredPrices

    try:
        found = genai_prices.calc_price(genai_prices.Usage(input_tokens=1), model)
    except (LookupError, ValueError):
        return ()
    price: ModelPrice = found.model_price
    tiered = (value for value in vars(price).values() if isinstance(value, TieredPrices))
    return tuple(tier.start for value in tiered for tier in value.tiers)
