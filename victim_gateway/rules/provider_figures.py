"""A provider's own figures: each offer counts once, so the parts add up to what was offered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from victim_gateway.vocabulary import OnwardState


class OfferFate(StrEnum):
    """What became of an offer, as it stands today."""

    TAKEN_ON = "taken_on"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    RETURNED = "returned"
    ENDED_EARLY = "ended_early"
    UNANSWERED = "unanswered"


# Where every state belongs. None: never an offer, or one that should not have been made; neither is counted.
FATES: dict[OnwardState, OfferFate | None] = {
    OnwardState.DRAFT: None,
    OnwardState.OFFERED: OfferFate.UNANSWERED,
    OnwardState.ACKNOWLEDGED: OfferFate.UNANSWERED,
    OnwardState.INFORMATION_REQUESTED: OfferFate.UNANSWERED,
    OnwardState.ACCEPTED: OfferFate.TAKEN_ON,
    OnwardState.IN_SERVICE: OfferFate.TAKEN_ON,
    OnwardState.CLOSED: OfferFate.TAKEN_ON,
    OnwardState.DECLINED: OfferFate.DECLINED,
    OnwardState.EXPIRED: OfferFate.EXPIRED,
    OnwardState.WITHDRAWN: OfferFate.WITHDRAWN,
    OnwardState.RETURNED: OfferFate.RETURNED,
    OnwardState.ENDED_EARLY: OfferFate.ENDED_EARLY,
    OnwardState.ENTERED_IN_ERROR: None,
}


@dataclass(frozen=True, slots=True)
class OfferCounts:
    """How many offers came to what; `waiting`, `supported`, `closed` and `left` are those that were taken on, apart.

    `left`: its work ended when another provider took over, without an outcome.
    """

    by_fate: dict[OfferFate, int]
    waiting: int
    supported: int
    closed: int
    left: int

    @property
    def offered(self) -> int:
        return sum(self.by_fate.values())


def count_offers(
    states: Iterable[tuple[OnwardState, int]], left: Iterable[tuple[OnwardState, int]] = ()
) -> OfferCounts:
    """Count offers by what became of them, from how many stand in each state; a state may come more than once.

    `left` are those whose state says that they go on, although they were closed to the provider.
    """
    by_fate = dict.fromkeys(OfferFate, 0)
    by_state = dict.fromkeys(OnwardState, 0)
    number_left = 0
    for state, number in states:
        by_state[state] += number
        fate = FATES[state]
        if fate is not None:
            by_fate[fate] += number
    for state, number in left:
        fate = FATES[state]
        if fate is OfferFate.TAKEN_ON:
            number_left += number
        if fate is not None:
            # Nobody at the provider can answer it any more.
            by_fate[OfferFate.WITHDRAWN if fate is OfferFate.UNANSWERED else fate] += number
    return OfferCounts(
        by_fate,
        waiting=by_state[OnwardState.ACCEPTED],
        supported=by_state[OnwardState.IN_SERVICE],
        closed=by_state[OnwardState.CLOSED],
        left=number_left,
    )
