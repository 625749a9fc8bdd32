"""A provider's work after it accepted: appointments and attendance, who may be given what, what became of each need."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle
from typing import Any
from uuid import UUID

from victim_gateway import times
from victim_gateway.rules.handover import shared_answers
from victim_gateway.rules.provider_contact import explain_unsafe_contact
from victim_gateway.service_record_vocabulary import (
    AppointmentManner,
    AppointmentState,
    ContactManner,
    ServedNeedOutcome,
    WorkerChangeReason,
)
from victim_gateway.vocabulary import AttemptOutcome, OnwardState, SafeAnswer, ServiceOutcome

MOST_GIVEN_AT_ONCE = 100
LONGEST_APPOINTMENT = timedelta(hours=8)
FURTHEST_AHEAD = timedelta(days=366)
CANCELLED_STATES = (
    AppointmentState.CANCELLED_BY_PERSON,
    AppointmentState.CANCELLED_BY_PROVIDER,
    AppointmentState.CANCELLED_BY_END,
)
ATTENDANCE_STATES = (AppointmentState.ATTENDED, AppointmentState.MISSED)
# Work on the person begins with the acceptance.
WORKING_STATES = (OnwardState.ACCEPTED, OnwardState.IN_SERVICE)
# Another person has the telephone, or it was not safe: how to contact the person has to be asked anew.
UNCERTAIN_OUTCOMES = frozenset(
    {AttemptOutcome.SOMEONE_ELSE_ANSWERED, AttemptOutcome.WRONG_NUMBER, AttemptOutcome.UNSAFE_STOPPED}
)
# The first time that the person is reached is the first contact, which has a page of its own.
OUTCOMES_OF_MANNER: Mapping[ContactManner, tuple[AttemptOutcome, ...]] = {
    ContactManner.PHONE: (
        AttemptOutcome.REACHED,
        AttemptOutcome.NO_ANSWER,
        AttemptOutcome.VOICEMAIL_LEFT,
        AttemptOutcome.SOMEONE_ELSE_ANSWERED,
        AttemptOutcome.WRONG_NUMBER,
        AttemptOutcome.UNSAFE_STOPPED,
    ),
    ContactManner.SMS: (AttemptOutcome.SENT, AttemptOutcome.REACHED, AttemptOutcome.UNSAFE_STOPPED),
    ContactManner.EMAIL: (AttemptOutcome.SENT, AttemptOutcome.REACHED, AttemptOutcome.UNSAFE_STOPPED),
    ContactManner.POST: (AttemptOutcome.SENT,),
    ContactManner.IN_PERSON: (
        AttemptOutcome.REACHED,
        AttemptOutcome.NO_ANSWER,
        AttemptOutcome.SOMEONE_ELSE_ANSWERED,
        AttemptOutcome.UNSAFE_STOPPED,
    ),
}
_CHANNEL_OF_MANNER = {
    ContactManner.PHONE: ("phone", "Phone calls are"),
    ContactManner.SMS: ("sms", "Text messages are"),
    ContactManner.EMAIL: ("email", "Emails are"),
    ContactManner.POST: ("post", "Letters are"),
}
# Where the provider comes to the person, or rings, the person's safe days and times count.
_REACHES_PERSON = (AppointmentManner.PHONE, AppointmentManner.VIDEO, AppointmentManner.HOME)
REASONS_TO_CHOOSE = tuple(
    reason for reason in WorkerChangeReason if reason is not WorkerChangeReason.GIVEN_WHEN_ACCEPTED
)
# For all of a worker's at once: nobody writes about each, and nobody takes so many on.
BULK_REASONS = tuple(
    reason
    for reason in REASONS_TO_CHOOSE
    if reason not in (WorkerChangeReason.TOOK_IT_ON, WorkerChangeReason.OTHER)
)


@dataclass(frozen=True, slots=True)
class AppointmentTimes:
    """From when until when, as aware moments."""

    starts_at: datetime
    ends_at: datetime

    def overlaps(self, other: AppointmentTimes) -> bool:
        """Whether both take some of the same time; one that begins as the other ends does not."""
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


def explain_unsafe_attempt_of_provider(
    shared: Mapping[str, Any], manner: ContactManner, outcome: AttemptOutcome, attempted_at: datetime
) -> str | None:
    """Why an attempt was not safe by what was shared: the person, the day and time, or the way; None where it was.

    Held to what a first contact is held to, and to the way that was used; a message that was left is a way of its own.
    """
    if unsafe := explain_unsafe_contact(shared, attempted_at):
        return unsafe
    answers = shared_answers(shared)
    wanted = [_CHANNEL_OF_MANNER[manner]] if manner in _CHANNEL_OF_MANNER else []
    if outcome is AttemptOutcome.VOICEMAIL_LEFT:
        wanted.append(("voicemail", "Leaving a message is"))
    for channel, subject in wanted:
        if answers.get(channel) is not SafeAnswer.YES:
            return f"{subject} not known to be safe for them."
    return None


def refused_appointment_times(asked: AppointmentTimes, now: datetime) -> Mapping[str, str]:
    """Why an appointment can't be made so, by field; empty where it can."""
    if asked.starts_at <= now:
        return {"on": "The appointment must be in the future"}
    if asked.starts_at > now + FURTHEST_AHEAD:
        return {"on": "The appointment must be within a year"}
    if not timedelta() < asked.ends_at - asked.starts_at <= LONGEST_APPOINTMENT:
        return {"minutes": "It must take between 1 minute and 8 hours"}
    return {}


def explain_unsafe_appointment(
    shared: Mapping[str, Any], manner: AppointmentManner, planned: AppointmentTimes
) -> str | None:
    """Why an appointment is not safe by what was shared today, from its start to its end; None where it is.

    `shared` is as `read_safe_contact` gives it for today. Where the person comes to the provider, only a no counts.
    """
    if shared["safe"] == SafeAnswer.NO:
        return "It is recorded that contact with the person is not safe."
    if manner not in _REACHES_PERSON:
        return None
    last_moment = planned.ends_at - timedelta(minutes=1)
    for moment in (planned.starts_at, last_moment):
        if unsafe := explain_unsafe_contact(shared, moment):
            return unsafe
    if manner is AppointmentManner.PHONE and shared_answers(shared).get("phone") is not SafeAnswer.YES:
        return "Phone calls are not known to be safe for them."
    return None


def refused_attendance(state: AppointmentState, starts_at: datetime, at: datetime) -> str | None:
    """Why it can't be recorded now whether the person came; None where it can.

    What was recorded wrongly may be recorded anew; what was cancelled did not take place.
    """
    if state in CANCELLED_STATES:
        return "This appointment was cancelled, so nobody can have come to it."
    if at < starts_at:
        return "You can record whether they came once the time of the appointment has come."
    return None


def find_clash(asked: AppointmentTimes, others: Iterable[AppointmentTimes]) -> AppointmentTimes | None:
    """The first of a worker's other appointments that takes some of the same time."""
    return min(
        (other for other in others if asked.overlaps(other)),
        key=lambda other: other.starts_at,
        default=None,
    )


def share_among_workers(onward_ids: Sequence[UUID], worker_ids: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    """Each onward referral with the worker who gets it: in turn, so that each gets as many, give or take one."""
    return list(zip(onward_ids, cycle(worker_ids), strict=False)) if worker_ids else []


def handover_needs(handover: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The needs that a handover names, each with key, label, step and words; none where they were not shared."""
    return tuple(handover.get("needs") or ())


def refused_need_outcomes(
    outcomes: Mapping[str, ServedNeedOutcome], needs: Collection[str], outcome: ServiceOutcome
) -> str | None:
    """Why what became of the needs does not go with how support ended; None where it does."""
    if set(needs) - outcomes.keys():
        return "Say for each need what became of it"
    answers = {outcomes[need] for need in needs}
    if outcome is ServiceOutcome.NEEDS_MET and answers & {
        ServedNeedOutcome.NOT_MET,
        ServedNeedOutcome.PARTLY_MET,
    }:
        return "You say that their needs were met, but not of each need. Change one of the two"
    if (
        answers
        and outcome in (ServiceOutcome.NEEDS_MET, ServiceOutcome.PARTLY_MET)
        and not answers & {ServedNeedOutcome.MET, ServedNeedOutcome.PARTLY_MET}
    ):
        return "You say that needs were met, but of no need. Change one of the two"
    return None


def describe_times(asked: AppointmentTimes) -> str:
    """The time of an appointment in plain words, for a refusal."""
    begins, ends = (moment.astimezone(times.LONDON) for moment in (asked.starts_at, asked.ends_at))
    return f"{begins.day} {begins:%B} from {begins:%H:%M} to {ends:%H:%M}"
