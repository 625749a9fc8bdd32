"""The codes of offering a person to providers: groups of offers, what follows from a decline, returns, withdrawals."""

from __future__ import annotations

from enum import StrEnum


class OfferGroupMode(StrEnum):
    """How the services of a group are asked."""

    SIMULTANEOUS = "simultaneous"
    RANKED = "ranked"


class OfferGroupEnd(StrEnum):
    """Why a group of offers asks no further service."""

    ACCEPTED = "accepted"
    STOPPED = "stopped"
    EXHAUSTED = "exhausted"


class OfferHindrance(StrEnum):
    """Why the next service of a group was not asked by itself: a caseworker decides."""

    NO_CONSENT = "no_consent"
    NOT_SAFE = "not_safe"
    DOES_NOT_FIT = "does_not_fit"
    STOPPED = "stopped"
    ASK_PERSON = "ask_person"


class DeclineConsequence(StrEnum):
    """What follows when the Gateway confirms a decline."""

    OFFER_NEXT = "offer_next"
    PAUSE_PAIRING = "pause_pairing"
    NOT_ELIGIBLE = "not_eligible"
    ASK_PERSON = "ask_person"


class PairingStop(StrEnum):
    """Why a person is not offered to a service for now: for some days, or until a caseworker lifts it."""

    PAUSED = "paused"
    NOT_ELIGIBLE = "not_eligible"


class ReturnReason(StrEnum):
    """Why a provider gives a person back whom it had accepted."""

    PERSON_ASKED = "person_asked"
    NEEDS_OTHER_HELP = "needs_other_help"
    CANNOT_REACH_SAFELY = "cannot_reach_safely"
    NO_CAPACITY = "no_capacity"
    CONFLICT_OF_INTEREST = "conflict_of_interest"
    SERVICE_ENDS = "service_ends"
    OTHER = "other"


class WithdrawGroup(StrEnum):
    """On whose side the reason lies for which an onward referral is taken back."""

    PERSON = "person"
    GATEWAY = "gateway"
    PROVIDER = "provider"
    OUTSIDE = "outside"
    ERROR = "error"
