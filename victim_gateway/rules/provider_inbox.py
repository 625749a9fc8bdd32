"""Which section of a provider's inbox an onward referral stands in, and by when the provider owes something.

A question puts nothing off: the offer stays among those to answer, with the day it had. The day of an answer is the
earlier of the standard's and of what the person's risk asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from victim_gateway.rules.transitions import UNANSWERED_ONWARD_STATES
from victim_gateway.vocabulary import OnwardState


class InboxSection(StrEnum):
    """What the provider owes the person next, in the order of urgency."""

    ANSWER = "answer"
    CONTACT = "contact"
    SUPPORT = "support"


# Every live state stands in one section; what has ended is in none, and no provider sees it.
STATES_OF_SECTION: Mapping[InboxSection, tuple[OnwardState, ...]] = {
    InboxSection.ANSWER: UNANSWERED_ONWARD_STATES,
    InboxSection.CONTACT: (OnwardState.ACCEPTED,),
    InboxSection.SUPPORT: (OnwardState.IN_SERVICE,),
}


def provider_due_on(state: OnwardState, clock_due_on: date | None, answer_due_on: date | None) -> date | None:
    """By when the provider owes its next step: the earlier of its clock and, before an answer, of the offer's day."""
    days = [clock_due_on, answer_due_on if state in UNANSWERED_ONWARD_STATES else None]
    return min((day for day in days if day is not None), default=None)
