"""How a provider's work reads: appointments and attempts in plain text, and what comes next of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from victim_gateway.queries.onward_referrals.service_records import (
    AppointmentEntry,
    AppointmentMark,
    NeedEntry,
    ServiceRecord,
)
from victim_gateway.rules.provider_urgency import HARM_TEXTS, WaitingHarm
from victim_gateway.rules.service_kinds import label_of_step
from victim_gateway.rules.support import format_minutes
from victim_gateway.service_record_vocabulary import AppointmentManner, ContactManner, KindStep
from victim_gateway.vocabulary import AttemptOutcome
from victim_gateway.web.filters import capitalize_first, clock_time, date_and_time, long_date, short_date
from victim_gateway.web.labels import label_of

RECORD_TITLES = {
    "onward_referral.stall_answered": "The provider said what holds the case up",
    "onward_referral.worker_given": "Given to a worker of the provider",
    "onward_referral.worker_taken": "No worker of the provider has it for now",
    "onward_referral.contact_attempted": "The provider tried to contact the person",
    "onward_referral.appointment_made": "Appointment made",
    "onward_referral.appointment_changed": "Appointment changed",
    "onward_referral.appointment_cancelled": "Appointment cancelled",
    "onward_referral.appointment_attended": "The person came to an appointment",
    "onward_referral.appointment_missed": "The person did not come to an appointment",
    "onward_referral.progress_shared": "The provider shared a progress note",
    "onward_referral.progress_read": "The Gateway has read what the provider shared",
    "onward_referral.needs_recorded": "What became of needs recorded",
    "onward_referral.kind_step_recorded": "The provider recorded a step",
    "onward_referral.kind_step_taken_back": "The provider took back a step that was wrong",
}


@dataclass(frozen=True, slots=True)
class NeedLine:
    """A need of the handover with what became of it; `reading` in the terms of the area's scale."""

    label: str
    then: str
    outcome: str
    reading: str


def describe_codes(codes: Mapping[str, Any]) -> str:
    """The codes of an entry about a provider's work in plain text; "" where there are none."""
    said = []
    if "starts_at" in codes:
        said.append(date_and_time(datetime.fromisoformat(codes["starts_at"])))
    if "manner" in codes:
        said.append(manner_text(codes["manner"]))
    if "outcome" in codes and "manner" in codes:
        said.append(label_of(AttemptOutcome(codes["outcome"])))
    if "kind_step" in codes:
        said.append(label_of_step(KindStep(codes["kind_step"])))
    if "on" in codes:
        said.append(long_date(date.fromisoformat(codes["on"])))
    if codes.get("minutes"):
        said.append(format_minutes(codes["minutes"]))
    if codes.get("from_name"):
        said.append(f"from {codes['from_name']}")
    if codes.get("to_name"):
        said.append(f"to {codes['to_name']}")
    if codes.get("person_knows"):
        said.append("the person knows it")
    return capitalize_first(", ".join(said))


def manner_text(code: str) -> str:
    """The way of an attempt or an appointment, as it stands within a sentence."""
    known = {*ContactManner, *AppointmentManner}
    return code.replace("_", " ") if code in known else "in another way"


def appointment_line(entry: AppointmentEntry) -> str:
    """When, how and with whom, in one line."""
    starts, ends = entry.times.starts_at, entry.times.ends_at
    return (
        f"{long_date(starts)}, {clock_time(starts)} to {clock_time(ends)},"
        f" {manner_text(entry.manner)}, with {entry.worker}"
    )


def mark_line(mark: AppointmentMark) -> str:
    """An appointment in a list: when and how."""
    return f"{short_date(mark.starts_at)}, {clock_time(mark.starts_at)}, {manner_text(mark.manner)}"


def harm_texts(harms: Sequence[WaitingHarm]) -> list[str]:
    """Why somebody can't wait, in plain text."""
    return [HARM_TEXTS[harm] for harm in harms]


def need_lines(
    needs: Sequence[Mapping[str, Any]], recorded: Mapping[str, NeedEntry], steps: Mapping[int, str]
) -> list[NeedLine]:
    """Each need that the handover names, with what became of it."""
    lines = []
    for need in needs:
        entry = recorded.get(need["key"])
        reading = steps.get(entry.step, "") if entry and entry.step is not None else ""
        outcome = label_of(entry.outcome) if entry else "Not recorded yet"
        lines.append(NeedLine(need["label"], need["words"], outcome, reading or "No reading"))
    return lines


@dataclass(frozen=True, slots=True)
class WorkStep:
    """What the work with the person asks for next, where it asks for something; `at` is its moment."""

    what: str
    who: str
    at: datetime | None
    why: str | None


def next_work_step(record: ServiceRecord, now: datetime) -> WorkStep | None:
    """What comes first of appointments: attendance that is owed, a person who did not come, then what is planned."""
    if due := record.due_attendance(now):
        return WorkStep("Record whether they came", due[0].worker, None, f"To: {appointment_line(due[0])}.")
    missed = next((each for each in record.appointments if each.needs_follow_up), None)
    if missed is not None:
        why = (
            f"They did not come on {long_date(missed.times.starts_at)}, and nobody has reached them since."
            " Make sure that they are safe, by a way and at a time that is safe."
        )
        return WorkStep("Find out how they are", missed.worker, None, why)
    coming = record.next_appointment(now)
    if coming is not None:
        return WorkStep("Meet the person", coming.worker, coming.times.starts_at, None)
    return None
