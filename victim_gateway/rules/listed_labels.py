"""The wordings that the service ships for the reasons and harms of lists that administrators keep.

An administrator words them anew in the browser; the codes, which the rules read, stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from victim_gateway.reminder_vocabulary import StallAnswerCode
from victim_gateway.vocabulary import (
    AttemptOutcome,
    CloseOutcome,
    DeclineReason,
    HandoverReason,
    Harm,
    HeldReason,
    ServiceOutcome,
    WithdrawReason,
)

# Where the value with spaces is good enough English, nothing is listed.
LISTED_LABELS: Final[Mapping[type[StrEnum], Mapping[StrEnum, str]]] = {
    AttemptOutcome: {
        AttemptOutcome.VOICEMAIL_LEFT: "Left a message",
        AttemptOutcome.UNSAFE_STOPPED: "Stopped because it was not safe",
    },
    CloseOutcome: {
        CloseOutcome.DECLINED: "The person did not want support",
        CloseOutcome.NO_CONTACT: "Could not reach the person",
        CloseOutcome.OUT_OF_AREA: "Lives outside the area",
        CloseOutcome.DUPLICATE: "Already referred",
        CloseOutcome.REFERRED_ON: "Referred on",
        CloseOutcome.OTHER: "Something else",
    },
    DeclineReason: {
        DeclineReason.PERSON_SAID_NO: "The person said no",
        DeclineReason.NOT_ELIGIBLE: "Not someone this service is for",
        DeclineReason.NEEDS_ANOTHER_SERVICE: "Another service fits better",
        DeclineReason.NO_CAPACITY: "No room at the moment",
        DeclineReason.CANNOT_REACH_SAFELY: "Could not reach them safely",
        DeclineReason.OTHER: "Something else",
    },
    HandoverReason: {
        HandoverReason.LEAVING: "Their caseworker leaves",
        HandoverReason.AWAY: "Their caseworker is away",
        HandoverReason.WORKLOAD: "To share the work more evenly",
        HandoverReason.FITS_BETTER: "Another caseworker fits better, by skill, language or place",
        HandoverReason.CONFLICT: "A conflict of interest",
        HandoverReason.ASKED_FOR: "The person asked for it",
        HandoverReason.OTHER: "Something else",
    },
    StallAnswerCode: {
        StallAnswerCode.WAITING_FOR_PERSON: "Waiting for the person",
        StallAnswerCode.WAITING_FOR_POLICE: "Waiting for the police",
        StallAnswerCode.WAITING_FOR_PROVIDER: "Waiting for the provider",
        StallAnswerCode.NO_CAPACITY: "No time or no room for it at the moment",
        StallAnswerCode.NO_LONGER_NEEDED: "Support is no longer needed",
        StallAnswerCode.SOMETHING_ELSE: "Something else",
    },
    Harm: {
        Harm.BUSINESS_CRIME: "Crime against a business",
        Harm.FRAUD_AND_CYBER: "Fraud or cyber crime",
        Harm.ANTI_SOCIAL_BEHAVIOUR: "Anti-social behaviour",
        Harm.BURGLARY_AND_THEFT: "Burglary or theft",
        Harm.OTHER: "Another crime",
    },
    HeldReason: {
        HeldReason.CONSENT_REFUSED: "The person said no to contact",
        HeldReason.EXPLICIT_CONSENT_NEEDED: "Consent has to be asked first",
        HeldReason.PERSON_DIED: "The person has died",
        HeldReason.WITHDRAWN_BY_FORCE: "The police took the referral back",
        HeldReason.UNREADABLE_ANSWERS: "Answers from the police that could not be read",
        HeldReason.CHILD_WITHOUT_SAFE_ADULT: "A child without a named safe adult",
        HeldReason.NO_CONTACT_DETAILS: "No way to reach the person",
        HeldReason.OUT_OF_SCOPE: "Not a type of referral that we take",
    },
    ServiceOutcome: {
        ServiceOutcome.NEEDS_MET: "Needs met",
        ServiceOutcome.PARTLY_MET: "Needs partly met",
        ServiceOutcome.NOT_MET: "Needs not met",
        ServiceOutcome.DISENGAGED: "The person stopped coming",
        ServiceOutcome.OTHER: "Something else",
    },
    WithdrawReason: {
        WithdrawReason.PERSON_SAID_NO: "The person does not want it any more",
        WithdrawReason.CONSENT_WITHDRAWN: "The person took back their yes to sharing",
        WithdrawReason.NO_LONGER_SAFE: "It is no longer safe",
        WithdrawReason.MOVED_AWAY: "The person moved away",
        WithdrawReason.NO_ANSWER: "The provider did not answer",
        WithdrawReason.ANOTHER_SERVICE_CHOSEN: "Another service was chosen",
        WithdrawReason.SENT_BY_MISTAKE: "It was sent by mistake",
        WithdrawReason.SUPPORT_DOES_NOT_FIT: "The support does not fit",
        WithdrawReason.PERSON_CANNOT_BE_REACHED: "The person can't be reached",
        WithdrawReason.PROVIDER_CANNOT_GO_ON: "The provider can't go on",
        WithdrawReason.TAKEN_OVER_ELSEWHERE: "Another agency has taken it over",
        WithdrawReason.WENT_TO_WRONG_SERVICE: "It went to the wrong service",
        WithdrawReason.OTHER: "Something else",
    },
}


def shipped_label(member: StrEnum) -> str:
    """What a reason or a harm is called as long as no administrator has worded it anew."""
    return LISTED_LABELS.get(type(member), {}).get(member) or member.replace("_", " ").capitalize()
