"""A provider's work goes to a successor: what moves, and what a person must decide first.

The person agreed to share with one provider. Where nothing says that they meant this one and no other, the yes is
carried over and they are told. Everything that says so, and everything that anybody else decided for this one provider
alone, stays and is asked.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from victim_gateway.provider_vocabulary import StayReason
from victim_gateway.vocabulary import ConsentHow


@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessionFacts:
    """What of one live onward referral decides whether it moves.

    `consent_how` None: it does not rest on a yes of the person. `refused_successor`: they have said no to the
    successor, or taken a yes back; `is_yes_limited`: they agreed to only a part with it. `is_paused`: something stands
    between the person and the new service. `waits_for_own_answer`: who turned 18 was not asked themselves yet.
    `needs_answers`: the new service is of another kind, whose questions nobody has asked.
    """

    is_restricted: bool = False
    has_target: bool = True
    is_sharing_agreed: bool = True
    consent_how: ConsentHow | None = ConsentHow.BY_PHONE
    needs_own_yes: bool = False
    refused_successor: bool = False
    is_yes_limited: bool = False
    names_provider: bool = False
    is_there_already: bool = False
    fits: bool = True
    is_paused: bool = False
    waits_for_own_answer: bool = False
    can_be_handed_over: bool = True
    needs_answers: bool = False


def reason_to_stay(facts: SuccessionFacts) -> StayReason | None:
    """Why an onward referral stays for a person to decide; None: it moves. The gravest reason first."""
    reasons = (
        (facts.is_restricted, StayReason.RESTRICTED),
        (facts.refused_successor, StayReason.SAID_NO),
        (not facts.is_sharing_agreed, StayReason.NOT_AGREED),
        (facts.is_yes_limited, StayReason.LIMITED_YES),
        (facts.consent_how is None, StayReason.WITHOUT_CONSENT),
        (facts.consent_how is ConsentHow.WRITTEN, StayReason.WRITTEN_FOR_PROVIDER),
        (facts.needs_own_yes, StayReason.OWN_YES_NEEDED),
        (facts.names_provider, StayReason.NAMED_IN_HANDOVER),
        (not facts.has_target, StayReason.NO_SERVICE),
        (facts.is_there_already, StayReason.THERE_ALREADY),
        (not facts.fits, StayReason.DOES_NOT_FIT),
        (facts.needs_answers, StayReason.ANSWERS_NEEDED),
        (facts.is_paused, StayReason.SERVICE_PAUSED),
        (facts.waits_for_own_answer, StayReason.CAME_OF_AGE),
        (not facts.can_be_handed_over, StayReason.NOT_SAFE_TO_HAND_OVER),
    )
    return next((reason for holds, reason in reasons if holds), None)


def says_name(texts: Collection[str], provider_name: str) -> bool:
    """Whether any text names a provider, by its whole name or by what stands within or before brackets.

    Then somebody meant exactly that one. The names of services are left out: many are plain words for a kind of help.
    """
    folded = [_fold(text) for text in texts]
    parts = [_fold(part) for part in (provider_name, *re.split(r"[()]", provider_name))]
    return any(part in text for text in folded for part in parts if len(part) > 2)


def _fold(text: str) -> str:
    """Small letters and digits with one space between words, so that `New-Era's` holds `new era`."""
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))
