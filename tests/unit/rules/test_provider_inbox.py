"""Where an onward referral stands in the provider's inbox."""

from __future__ import annotations

from datetime import date

import pytest

from victim_gateway.rules.provider_inbox import STATES_OF_SECTION, InboxSection, provider_due_on
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.vocabulary import OnwardState


@pytest.mark.parametrize("state", OnwardState)
def test_what_is_live_stands_in_one_section_and_what_is_not_in_none(state: OnwardState) -> None:
    sections = [section for section, states in STATES_OF_SECTION.items() if state in states]

    assert len(sections) == (1 if state in LIVE_ONWARD_STATES else 0)


def test_an_answer_is_more_urgent_than_a_contact_and_that_more_than_support() -> None:
    assert list(STATES_OF_SECTION) == list(InboxSection)
    assert [section.value for section in InboxSection] == ["answer", "contact", "support"]


@pytest.mark.parametrize(
    ("state", "due"),
    [
        (OnwardState.OFFERED, date(2026, 3, 3)),
        (OnwardState.INFORMATION_REQUESTED, date(2026, 3, 3)),
        (OnwardState.ACCEPTED, date(2026, 3, 5)),
    ],
)
def test_a_question_puts_nothing_off_and_an_answer_ends_the_day_of_the_offer(
    state: OnwardState, due: date
) -> None:
    assert provider_due_on(state, date(2026, 3, 5), date(2026, 3, 3)) == due
    assert provider_due_on(OnwardState.IN_SERVICE, None, date(2026, 3, 3)) is None
