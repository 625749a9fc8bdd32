"""What was offered is the sum of what became of it, whatever there is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from victim_gateway.rules.provider_figures import FATES, OfferFate, count_offers
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES, UNANSWERED_ONWARD_STATES
from victim_gateway.vocabulary import OnwardState

STATES = st.lists(st.tuples(st.sampled_from(OnwardState), st.integers(0, 500)))
NOT_OFFERS = (OnwardState.DRAFT, OnwardState.ENTERED_IN_ERROR)


LEFT = st.lists(st.tuples(st.sampled_from(LIVE_ONWARD_STATES), st.integers(0, 500)))


@given(STATES, LEFT)
def test_the_parts_add_up_to_what_was_offered(
    states: list[tuple[OnwardState, int]], left: list[tuple[OnwardState, int]]
) -> None:
    counts = count_offers(states, left)

    assert counts.offered == sum(number for state, number in (*states, *left) if state not in NOT_OFFERS)
    assert (
        counts.waiting + counts.supported + counts.closed + counts.left == counts.by_fate[OfferFate.TAKEN_ON]
    )


@given(LEFT)
def test_what_a_succession_left_waits_for_nothing_of_the_provider(
    left: list[tuple[OnwardState, int]],
) -> None:
    counts = count_offers((), left)

    assert (counts.by_fate[OfferFate.UNANSWERED], counts.waiting, counts.supported) == (0, 0, 0)
    assert counts.offered == sum(number for _, number in left)


@given(STATES, STATES)
def test_two_lots_counted_apart_or_together_are_the_same(
    first: list[tuple[OnwardState, int]], second: list[tuple[OnwardState, int]]
) -> None:
    apart, together = [count_offers(first), count_offers(second)], count_offers([*first, *second])

    assert together.by_fate == {fate: sum(each.by_fate[fate] for each in apart) for fate in OfferFate}


def test_every_state_has_its_place_and_what_waits_for_an_answer_is_unanswered() -> None:
    assert FATES.keys() == set(OnwardState)
    assert {state for state, fate in FATES.items() if fate is None} == set(NOT_OFFERS)
    unanswered = {state for state, fate in FATES.items() if fate is OfferFate.UNANSWERED}
    assert unanswered == set(UNANSWERED_ONWARD_STATES) < set(LIVE_ONWARD_STATES)
