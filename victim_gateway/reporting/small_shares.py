"""A share of a few people, with what is too small to be shown left out."""

from __future__ import annotations

from dataclasses import dataclass

# From 1 to 4 people a number is hidden, as in the compliance report.
SMALLEST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class SmallShare:
    """How many there were, and how many of them it holds for; None where the number is hidden."""

    of: int | None
    number: int | None

    @property
    def rate(self) -> float | None:
        """The share from 0 to 1; None where it is hidden, or there were no answers."""
        return self.number / self.of if self.of and self.number is not None else None


def protect_share(of: int, number: int) -> SmallShare:
    """Hide what is from 1 to 4: those it holds for, those it does not, or all of them.

    Either part tells the other where all of them are shown, so that both are hidden together.
    """
    if _is_small(of):
        return SmallShare(None, None)
    if _is_small(number) or _is_small(of - number):
        return SmallShare(of, None)
    return SmallShare(of, number)


def _is_small(number: int) -> bool:
    return 0 < number < SMALLEST_SHOWN
