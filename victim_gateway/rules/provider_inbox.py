"""Which section of a provider's inbox an onward referral stands in, most urgent first."""

from __future__ import annotations

from collections.abc import Mapping
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
