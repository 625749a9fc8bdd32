"""Enumerations of the provider directory: how many people a service can take, how fast it answers, what changed."""

from __future__ import annotations

from enum import StrEnum


class ServiceCapacity(StrEnum):
    """Whether a service can take one more person, as its provider last said."""

    OPEN = "open"
    PLACES = "places"
    WAITING_LIST = "waiting_list"
    CLOSED = "closed"
    AFTER_ASSESSMENT = "after_assessment"


class AnswerUnit(StrEnum):
    """What a service's own response standard is counted in."""

    WORKING_DAYS = "working_days"
    HOURS = "hours"


class DirectoryStep(StrEnum):
    """What was done to an entry of the directory; its history names it."""

    ADDED = "added"
    CHANGED = "changed"
    RETIRED = "retired"
    RESTORED = "restored"
    IMPORTED = "imported"
    SUCCEEDED = "succeeded"
    CAPACITY_SET = "capacity_set"
    CAPACITY_CONFIRMED = "capacity_confirmed"
    PLACE_TAKEN = "place_taken"


CAPACITY_STEPS = (
    DirectoryStep.CAPACITY_SET,
    DirectoryStep.CAPACITY_CONFIRMED,
    DirectoryStep.PLACE_TAKEN,
)
"""The steps that a provider makes itself, and reads of its own services."""


class StayReason(StrEnum):
    """Why a live onward referral does not go to a provider's successor by itself."""

    RESTRICTED = "restricted"
    SAID_NO = "said_no"
    NOT_AGREED = "not_agreed"
    LIMITED_YES = "limited_yes"
    WITHOUT_CONSENT = "without_consent"
    WRITTEN_FOR_PROVIDER = "written_for_provider"
    OWN_YES_NEEDED = "own_yes_needed"
    NAMED_IN_HANDOVER = "named_in_handover"
    NO_SERVICE = "no_service"
    THERE_ALREADY = "there_already"
    DOES_NOT_FIT = "does_not_fit"
    ANSWERS_NEEDED = "answers_needed"
    SERVICE_PAUSED = "service_paused"
    CAME_OF_AGE = "came_of_age"
    NOT_SAFE_TO_HAND_OVER = "not_safe_to_hand_over"
    COULD_NOT_BE_MOVED = "could_not_be_moved"


class SuccessionState(StrEnum):
    """Where a succession stands."""

    CHECKING = "checking"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class ServiceKind(StrEnum):
    """What kind of service it is: which questions, cautions and steps belong to it stands in `rules.service_kinds`."""

    GENERAL = "general"
    RESTORATIVE_JUSTICE = "restorative_justice"
    SEXUAL_ASSAULT_REFERRAL_CENTRE = "sexual_assault_referral_centre"
    BUSINESS_CRIME_ADVICE = "business_crime_advice"
    IDVA = "idva"
    ISVA = "isva"
    FAMILY_SUPPORT = "family_support"
