"""The codes of a provider's service record: who works with the person, appointments, what became of each need.

Worded so that the value with spaces is what a page says.
"""

from __future__ import annotations

from enum import StrEnum


class WorkerChangeReason(StrEnum):
    """Why an onward referral was given to a worker of the provider, or taken from one."""

    TOOK_IT_ON = "took_it_on"
    GIVEN_WHEN_ACCEPTED = "given_when_accepted"
    WORKER_LEAVES = "their_worker_leaves"
    WORKER_AWAY = "their_worker_is_away"
    WORKLOAD = "to_share_the_work"
    FITS_BETTER = "another_worker_fits_better"
    CONFLICT = "a_conflict_of_interest"
    ASKED_FOR = "the_person_asked_for_it"
    OTHER = "something_else"


class ContactManner(StrEnum):
    """By what a provider tried to reach the person."""

    PHONE = "phone_call"
    SMS = "text_message"
    EMAIL = "email"
    POST = "letter"
    IN_PERSON = "in_person"


class AppointmentManner(StrEnum):
    """How, and at what kind of place, a provider and the person meet."""

    OFFICE = "at_our_office"
    PHONE = "by_phone"
    VIDEO = "by_video"
    HOME = "at_their_home"
    ELSEWHERE = "somewhere_else"


class AppointmentState(StrEnum):
    """Where an appointment stands. Whether the person came is recorded after its time, never before."""

    PLANNED = "planned"
    ATTENDED = "attended"
    MISSED = "did_not_attend"
    CANCELLED_BY_PERSON = "cancelled_by_the_person"
    CANCELLED_BY_PROVIDER = "cancelled_by_the_provider"
    CANCELLED_BY_END = "cancelled_when_support_ended"


class ServedNeedOutcome(StrEnum):
    """What became of one need that the handover named."""

    MET = "met"
    PARTLY_MET = "partly_met"
    NOT_MET = "not_met"
    NOT_WORKED_ON = "not_worked_on"


class KindStep(StrEnum):
    """What a provider records because of the kind of its service, each with its day."""

    BEFORE_PROCEEDINGS = "before_proceedings"
    DURING_PROCEEDINGS = "during_proceedings"
    AFTER_PROCEEDINGS = "after_proceedings"
    PERSON_ASKED = "person_asked"
    OTHER_SIDE_ASKED = "other_side_asked"
    OFFICER_SUGGESTED = "officer_suggested"
    GATEWAY_OFFERED = "gateway_offered"
    INFORMATION_GIVEN = "information_given"
    PREPARATION = "preparation"
    LETTER = "letter"
    SHUTTLE = "shuttle"
    CONFERENCE = "conference"
    NO_FURTHER = "no_further"
    SECURITY_HELP = "security_help"
    ICT_HELP = "ict_help"
    INSURANCE_HELP = "insurance_help"
    ASKED_FOR_SERVICE = "asked_for_service"
    CHOICE_MET = "choice_met"
    CHOICE_NOT_MET = "choice_not_met"
    ENGAGED = "engaged"
