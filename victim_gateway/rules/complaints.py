"""Complaints under Right 12: which step may follow, by when it is owed, and what the Code counts of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from victim_gateway.compliance.calendar import add_working_days, england_and_wales
from victim_gateway.compliance.editions import edition_on
from victim_gateway.vocabulary import ComplaintState, ComplaintSubject

# Services that the Code binds; what it says of complaints is counted for these alone.
BOUND_BY_CODE = frozenset(set(ComplaintSubject) - {ComplaintSubject.PROVIDER, ComplaintSubject.OTHER})
COMPLAINT_STEPS: Mapping[ComplaintState, frozenset[ComplaintState]] = {
    ComplaintState.RECEIVED: frozenset(
        {ComplaintState.ACKNOWLEDGED, ComplaintState.ANSWERED, ComplaintState.WITHDRAWN}
    ),
    ComplaintState.ACKNOWLEDGED: frozenset({ComplaintState.ANSWERED, ComplaintState.WITHDRAWN}),
    ComplaintState.ANSWERED: frozenset({ComplaintState.CLOSED, ComplaintState.WITHDRAWN}),
    ComplaintState.CLOSED: frozenset(),
    ComplaintState.WITHDRAWN: frozenset(),
}
# Once answered, the person hears on the next working day what they can do if the answer does not help.
_NEXT_STEP_DAYS = 1
_SUBJECT = "complaint "


def complaint_subject(number: int) -> str:
    """How the Code's events name one complaint of a referral, so that their clocks are told apart."""
    return f"{_SUBJECT}{number}"


def is_recorded_complaint(subject: str | None) -> bool:
    """Whether a clock is that of a complaint we follow: its steps are recorded there, not as what a person says."""
    return subject is not None and subject.startswith(_SUBJECT)


def acknowledge_by(about: ComplaintSubject, received_on: date, *, area_days: int) -> date:
    """The day by which a complaint is owed an acknowledgement: the Code's limit, where it has one, else the area's."""
    days = _code_days(received_on) if about in BOUND_BY_CODE else None
    return add_working_days(received_on, area_days if days is None else days, england_and_wales())


def answer_by(received_on: date, *, area_days: int) -> date:
    """The day by which the area wants a complaint answered in full; the Code names no limit for it."""
    return add_working_days(received_on, area_days, england_and_wales())


def next_step_by(answered_on: date) -> date:
    """The day by which the person is to know what they can do next."""
    return add_working_days(answered_on, _NEXT_STEP_DAYS, england_and_wales())


def _code_days(received_on: date) -> int | None:
    edition = edition_on(received_on)
    opened = edition.opened_by("complaint_received") if edition else ()
    limits = (duty.limit for duty in opened if duty.entitlement_id == "complaint_acknowledged")
    return next(limits, None)
