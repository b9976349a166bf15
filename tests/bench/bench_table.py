"""One measured line, and how lines are printed."""

from typing import NamedTuple


class Row(NamedTuple):
    """A figure with its bound; without a bound it is there to compare with."""

    name: str
    figure: str
    ratio: float | None = None  # against the yardstick that `against` names
    bound: float | None = None
    at_least: bool = False  # the bound is a floor
    against: str = ""

    @property
    def met(self) -> bool:
        """Whether the bound holds."""
        if self.ratio is None or self.bound is None:
            return True
        return self.ratio >= self.bound if self.at_least else self.ratio <= self.bound


def print_table(title: str, rows: list[Row]) -> None:
    """A table of at most 100 columns, on a terminal or in a document."""
    print(f"{title}\n{'-' * len(title)}")
    for row in rows:
        line = f"{row.name:<38} {row.figure:>26}"
        if row.ratio is not None:
            line += f"  {row.ratio:6.2f} x {row.against}"
        if row.bound is not None:
            sign = ">=" if row.at_least else "<="
            line += f"  ({sign} {row.bound:g}: {'met' if row.met else 'MISSED'})"
        print(line)
    print(flush=True)


def quantile(values: list[float], share: float) -> float:
    """The value that this share of the sorted values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
