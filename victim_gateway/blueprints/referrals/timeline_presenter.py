"""The timeline in words: what each event is called, who it came from, what goes with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from victim_gateway.blueprints.referrals.support_forms import (
    activity_label,
    authority_label,
    device_label,
    room_label,
)
from victim_gateway.blueprints.referrals.value_fields import recorded_text
from victim_gateway.compliance.plain_rights import plain_rights
from victim_gateway.offer_vocabulary import ReturnReason
from victim_gateway.queries.referrals.timeline import TimelineEntry
from victim_gateway.rules.contact_stops import ContactStop
from victim_gateway.rules.group_review import ReviewDecision
from victim_gateway.rules.handover_changes import handover_field_label
from victim_gateway.rules.marac import MaracOutcome, MaracReason
from victim_gateway.rules.recorded_fields import field_label
from victim_gateway.rules.support import format_minutes
from victim_gateway.vocabulary import (
    AttemptOutcome,
    Channel,
    CloseOutcome,
    ComplaintSubject,
    ConsentPurpose,
    DeclineReason,
    GoalState,
    HandoverReason,
    HeldReason,
    IdentityDecision,
    OverrideGround,
    ReadingStage,
    RightsAnswer,
    Risk,
    SafeAnswer,
    ServiceOutcome,
    SheetDelivery,
    SurveyStage,
    TaskKind,
    WithdrawReason,
)
from victim_gateway.web.filters import date_and_time, long_date
from victim_gateway.web.labels import MARAC_OUTCOMES, MARAC_REASONS, REVIEW_DECISIONS, label_of

_TITLES = {
    "referral.recorded": "Referral recorded",
    "referral.assigned": "Given to a caseworker",
    "referral.held": "Put on hold",
    "case.stall_answered": "It was said what holds the case up",
    "onward_referral.stall_answered": "The provider said what holds the case up",
    "referral.hold_changed": "Still on hold, for another reason",
    "referral.released": "Taken off hold",
    "safe_adult.recorded": "Safe adult recorded",
    "capacity.recorded": "The child may decide for themselves",
    "referral.in_contact": "In contact with the person",
    "referral.triaged": "Back with us",
    "referral.supported": "With a provider",
    "referral.closed": "Closed",
    "referral.left_closed": "Loaded as a case that is over",
    "risk.reviewed": "Risk looked at again on closing",
    "referral.reopened": "Reopened",
    "referral.corrected": "Details corrected",
    "referral.updated_by_feed": "The police sent new details",
    "referral.value_left_empty": "A value that could not be read was left empty",
    "referral.value_kept": "Our value was kept instead of the police's",
    "referral.entered_in_error": "Entered in error",
    "safe_contact.recorded": "Safe contact recorded",
    "contact.attempted": "Tried to contact the person",
    "triage.assessed": "Triage assessment made",
    "triage.review_agreed": "A senior caseworker agreed to the assessment",
    "triage.sent_back": "A senior caseworker sent the assessment back",
    "marac.referred": "Referred to MARAC",
    "marac.not_referred": "Decided not to refer to MARAC",
    "marac.outcome": "What became of the referral to MARAC was recorded",
    "marac.taken_back": "A decision about MARAC was taken back",
    "person.came_of_age": "They turned 18: contact and consent are theirs now",
    "group_review.decided": "A group review decided what is done next",
    "group_review.changed": "A group review changed its decision",
    "incident.joined": "Put into an incident with others",
    "incident.left": "Taken out of an incident",
    "consent.recorded": "Consent recorded",
    "consent.withdrawn": "Consent taken back",
    "sharing_override.asked": "A senior caseworker was asked to share without consent",
    "sharing_override.agreed": "A senior caseworker said yes to sharing without consent",
    "sharing_override.refused": "A senior caseworker said no to sharing without consent",
    "sharing_override.ended": "Sharing without consent has ended",
    "note.written": "Note written",
    "attachment.added": "File added",
    "attachment.removed": "File removed",
    "support.goal_agreed": "Goal agreed",
    "support.goal_changed": "Goal changed",
    "support.review_set": "Day set to look at the plan again",
    "support.given": "Support given",
    "support.voided": "Entry about support taken back",
    "device.lent": "Safety device lent",
    "device.returned": "Safety device came back",
    "device.lost": "Safety device lost",
    "device.taken_back": "Loan of a safety device taken back: recorded by mistake",
    "message_to_person.asked": "A message to the person was asked for",
    "message_to_person.agreed": "A senior caseworker agreed to a message to the person",
    "message_to_person.left": "A message to the person left",
    "message_to_person.delivered": "A message to the person was delivered",
    "message_to_person.left_after_all": "A message that was called off left after all",
    "message_to_person.failed": "A message to the person could not be delivered",
    "message_to_person.refused": "A message to the person did not leave: it was not safe or not right",
    "message_to_person.expired": "A message to the person did not leave: its time was over",
    "message_to_person.parked": "A message to the person is stuck",
    "message_to_person.perhaps_sent": "A message to the person was perhaps sent",
    "survey.link_made": "A link to questions about us was sent",
    "survey.answered": "Questions about us answered",
    "survey.refused": "Does not want to be asked about us",
    "video_link.booked": "Video link booked",
    "video_link.moved": "Video link moved",
    "video_link.cancelled": "Video link cancelled",
    "video_link.measures_changed": "Special measures for the video link recorded",
    "case_review.asked": "Case review of anti-social behaviour asked for",
    "case_review.threshold_met": "Case review: the threshold is met",
    "case_review.threshold_not_met": "Case review: the threshold is not met",
    "case_review.answered": "Case review answered",
    "case_review.withdrawn": "Case review taken back",
    "outcome.read": "Outcome reading taken",
    "outcome.voided": "Outcome reading taken back",
    "outcome.needs_recorded": "What became of needs recorded",
    "task.done": "Task dealt with",
    "rights.discussed": "Talked about their rights",
    "rights.sheet_given": "Rights sheet printed to be given",
    "withholding.asked": "A senior caseworker was asked to keep a promise back for safety",
    "withholding.agreed": "A promise is kept back for safety",
    "withholding.refused": "A promise is not kept back",
    "withholding.reviewed": "Looked again: a promise is still kept back for safety",
    "withholding.ended": "A promise is no longer kept back",
    "complaint.recorded": "Complaint recorded",
    "complaint.acknowledged": "Complaint: they wrote back that they have it",
    "complaint.answered": "Complaint answered",
    "complaint.next_step": "Complaint closed: the person knows what they can do next",
    "complaint.withdrawn": "Complaint taken back",
    "rights.answered": "What the person says about a right",
    "referral_received": "Referral received",
    "business_service_offered": "The business advice service owes contact from this report",
    "business_referral_received": "Crime against a business reported",
    "first_contact_attempted": "First try to contact the person",
    "first_contact_made": "First contact with the person",
    "triage_assessment_completed": "Needs and risk assessed",
    "onward_referral_offered": "Offered to a provider",
    "onward_referral_answered": "The provider answered",
    "onward_referral_accepted": "Accepted by the provider",
    "provider_first_contact_made": "The provider reached the person",
    "restorative_justice.requested": "A senior caseworker was asked about restorative justice",
    "restorative_justice.agreed": "A senior caseworker said yes to restorative justice",
    "restorative_justice.refused": "A senior caseworker said no to restorative justice",
    "onward_referral.offered": "Referred on",
    "onward_referral.moved_to_successor": "The provider's work went to its successor",
    "onward_referral.taken_over": "Offered to the successor of a provider",
    "onward_referral.left_by_succession": "The provider's work went to its successor, and this stays to be decided",
    "onward_referral.offered_while_full": "Referred on although the service was full",
    "onward_referral.acknowledged": "Seen by the provider",
    "contact_link.sent": "A new link was sent to the registered contact of a service",
    "contact_link.ended": "The link of the registered contact of a service was ended",
    "onward_referral.shared_again": "Shared again with the provider",
    "onward_referral.files_shared": "Files shared with the provider",
    "onward_referral.file_taken_back": "A file taken back from the provider",
    "onward_referral.decline_by_mistake": "The provider says that it declined by mistake",
    "onward_referral.returned": "Given back by the provider",
    "onward_referral.correction_read": "The provider has read what was corrected",
    "service_pause.lifted": "Can be offered again to a service that had declined",
    "onward_referral.safe_contact_changed": "New safe contact details passed on to the provider",
    "onward_referral.worker_given": "Given to a worker of the provider",
    "onward_referral.worker_taken": "No worker of the provider has it for now",
    "onward_referral.contact_attempted": "The provider tried to contact the person",
    "onward_referral.appointment_made": "Appointment with the provider made",
    "onward_referral.appointment_changed": "Appointment with the provider changed",
    "onward_referral.appointment_cancelled": "Appointment with the provider cancelled",
    "onward_referral.appointment_attended": "Came to an appointment with the provider",
    "onward_referral.appointment_missed": "Did not come to an appointment with the provider",
    "onward_referral.progress_shared": "The provider shared a progress note",
    "onward_referral.progress_read": "We have read what the provider shared",
    "onward_referral.needs_recorded": "The provider recorded what became of needs",
}
_TOLD = "victim_told_"
_SOURCES = {"victim": "the person", "police": "the police", "agency": "another agency"}
_REASONS: tuple[type[StrEnum], ...] = (
    HeldReason,
    CloseOutcome,
    DeclineReason,
    WithdrawReason,
    ServiceOutcome,
    ContactStop,
    HandoverReason,
    ReturnReason,
)


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """One entry as the timeline macro shows it."""

    title: str
    by: str | None
    at: datetime
    learned_at: datetime | None
    note: str | None


def timeline_lines(entries: Iterable[TimelineEntry]) -> list[TimelineLine]:
    """The entries in words."""
    return [_line(entry) for entry in entries]


def _line(entry: TimelineEntry) -> TimelineLine:
    title = _title(entry)
    if entry.is_voided:
        title += " (taken back)"
    said = [part for part in (*_details(entry), entry.note) if part]
    # A moment apart is the time it took to type.
    late = (entry.recorded_at - entry.occurred_at).total_seconds() > 60
    return TimelineLine(
        title=title,
        by=_by(entry),
        at=entry.occurred_at,
        learned_at=entry.recorded_at if late else None,
        note="\n".join(said) or None,
    )


def _title(entry: TimelineEntry) -> str:
    title = _TITLES.get(entry.event)
    if title is None and entry.event.startswith(_TOLD):
        title = f"The person was told: {_plain(entry.event.removeprefix(_TOLD))}"
    if title is None:
        title = _plain(entry.event.removeprefix("onward_referral.")).capitalize()
    if entry.provider:
        title += f": {entry.provider}"
    return title


def _by(entry: TimelineEntry) -> str | None:
    if entry.source in _SOURCES:
        source = _SOURCES[entry.source]
        return f"{source}, recorded by {entry.by}" if entry.by else source
    if entry.by and entry.organisation:
        return f"{entry.by}, {entry.organisation}"
    return entry.by


def _details(entry: TimelineEntry) -> Iterable[str]:
    if entry.reason_code:
        yield f"Reason: {_reason(entry.reason_code)}"
    # In our order: the database keeps the names of a document in its own.
    for name, show in _DETAILS.items():
        value = entry.details.get(name)
        if value not in (None, "", []):
            yield show(value)
    yield from _corrected(entry.details)
    if entry.onward_reference:
        yield f"Onward referral {entry.onward_reference}"


def _corrected(details: Mapping[str, Any]) -> Iterable[str]:
    """Codes, flags and days with from and to; what is sealed is only named."""
    before, after = details.get("before") or {}, details.get("after") or {}
    for name in after:
        shown = [recorded_text(name, value) or "nothing" for value in (before.get(name), after[name])]
        yield f"{field_label(name)}: from {shown[0]} to {shown[1]}"
    named = [name for name in details.get("fields") or () if name not in after]
    if named:
        yield f"Changed: {_labels(named)}"


def _reason(code: str) -> str:
    for kind in _REASONS:
        if code in {member.value for member in kind}:
            return label_of(kind(code))
    return _plain(code).capitalize()


def _labels(fields: Iterable[str]) -> str:
    return ", ".join(field_label(name) for name in fields)


def _plain(name: str) -> str:
    return name.replace("_", " ").replace(".", " ")


_DETAILS: dict[str, Callable[[Any], str]] = {
    "also": lambda reasons: f"Also: {'; '.join(label_of(HeldReason(reason)) for reason in reasons)}",
    "from_name": lambda name: f"From {name}",
    "to_name": lambda name: f"To {name}",
    "rule_name": lambda name: f"As the rule “{name}” proposes",
    "channel": lambda channel: label_of(Channel(channel)),
    "outcome": lambda outcome: label_of(AttemptOutcome(outcome)),
    "unsafe": lambda unsafe: "This way was not recorded as safe" if unsafe else "",
    "safe": lambda safe: label_of(SafeAnswer(safe)),
    "risk": lambda risk: label_of(Risk(risk)),
    "purpose": lambda purpose: label_of(ConsentPurpose(purpose)),
    "agreed": lambda agreed: "They said yes" if agreed else "They said no",
    "kind": lambda kind: label_of(TaskKind(kind)),
    "decision": lambda decision: label_of(IdentityDecision(decision)),
    "shared": lambda fields: f"Changed: {', '.join(handover_field_label(name) for name in fields)}",
    "delivery": lambda delivery: label_of(SheetDelivery(delivery)),
    "about": lambda about: f"About: {label_of(ComplaintSubject(about))}",
    "own_referral": lambda _: "By who has the referral: there was no other senior caseworker",
    "ground": lambda ground: label_of(OverrideGround(ground)),
    "answer": lambda answer: label_of(RightsAnswer(answer)),
    "entitlement_id": lambda name: plain_rights()[name].promise if name in plain_rights() else _plain(name),
    "retried": lambda retried: "Tried again" if retried else "Told in another way",
    "activity": activity_label,
    "device": device_label,
    "survey_stage": lambda stage: label_of(SurveyStage(stage)),
    "room": room_label,
    "authority": authority_label,
    "minutes": format_minutes,
    "goal_state": lambda state: label_of(GoalState(state)),
    "review_on": lambda day: long_date(date.fromisoformat(day)),
    "stage": lambda stage: label_of(ReadingStage(stage)),
    "settled": lambda fields: f"Could not be read before: {_labels(fields)}",
    "left_empty": lambda fields: f"Left empty: {_labels(fields)}",
    "kept": lambda fields: f"Kept: {_labels(fields)}",
    "marac_reasons": lambda reasons: (
        f"Why: {'; '.join(MARAC_REASONS[MaracReason(each)] for each in reasons)}"
    ),
    "repeat": lambda repeat: "A repeat" if repeat else "",
    "review_decision": lambda decision: REVIEW_DECISIONS[ReviewDecision(decision)],
    "marac_outcome": lambda outcome: MARAC_OUTCOMES[MaracOutcome(outcome)],
    "starts_at": lambda moment: date_and_time(datetime.fromisoformat(moment)),
    "manner": lambda manner: _plain(manner).capitalize(),
    "person_knows": lambda knows: "The provider says that the person knows it" if knows else "",
    "not_applied": lambda fields: f"Kept as we corrected it: {_labels(fields)}",
}
