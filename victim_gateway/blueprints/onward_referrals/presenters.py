"""How an onward referral reads: safe contact in sentences, the timeline, what follows from a decline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from victim_gateway import times
from victim_gateway.blueprints.onward_referrals.record_presenter import (
    RECORD_TITLES,
    describe_codes,
    next_work_step,
)
from victim_gateway.offer_vocabulary import ReturnReason
from victim_gateway.queries.onward_referrals.detail import OnwardReferralView, OnwardTimelineEntry
from victim_gateway.queries.onward_referrals.outdated_handover import HandoverAmendment
from victim_gateway.queries.onward_referrals.provider_notices import NoticeEntry
from victim_gateway.queries.onward_referrals.service_records import ServiceRecord
from victim_gateway.rules.contact_links import sign_name
from victim_gateway.rules.handover import gives_safe_channel, shared_answers
from victim_gateway.rules.handover_changes import HandoverChange, handover_field_label
from victim_gateway.rules.harms import NEEDS_SENIOR_YES
from victim_gateway.rules.provider_contact import explain_closed_now
from victim_gateway.rules.provider_notices import NOTICE_TEXTS
from victim_gateway.rules.service_kinds import KIND_RULES
from victim_gateway.rules.transitions import UNANSWERED_ONWARD_STATES
from victim_gateway.service_record_vocabulary import AppointmentState, WorkerChangeReason
from victim_gateway.vocabulary import (
    DeclineReason,
    OnwardState,
    Risk,
    SafeAnswer,
    ServiceOutcome,
    WithdrawReason,
)
from victim_gateway.web.filters import capitalize_first, clock_time, date_and_time, days_ago, long_date
from victim_gateway.web.labels import label_of

CHANNELS = (
    ("phone", "Phone", "number"),
    ("sms", "Text message", "number"),
    ("voicemail", "Leaving a message", None),
    ("email", "Email", "email"),
    ("post", "Post", "address"),
)
_DETAIL_NAMES = {"number": "number", "email": "email address", "address": "address"}
NO_SAFE_CHANNEL = "Find a safe way: do not call, write or leave a message. Ask the Gateway."
NO_SAFE_CHANNEL_WHY = (
    "Do not call, write or leave a message. Ask the Gateway how the person can be reached, or wait for them."
)
CHECKED_TOO_LONG_AGO = "Checked too long ago: ask the Gateway first. Do not call, write or leave a message."

TITLES = {
    "onward_referral_offered": "Offered to the provider",
    "onward_referral.moved_to_successor": "The provider's work went to its successor",
    "onward_referral.taken_over": "Taken over: another service that helped the person has ended",
    "onward_referral.offered_while_full": "Offered although the service was full",
    "onward_referral.acknowledged": "Seen by the provider",
    "contact_link.sent": "A new link was sent to the registered contact",
    "contact_link.ended": "The link of the registered contact was ended",
    "onward_referral.information_requested": "The provider asked a question",
    "onward_referral.information_given": "The Gateway answered",
    "onward_referral_accepted": "Accepted",
    "onward_referral.declined": "Declined",
    "onward_referral.decline_confirmed": "The decline was agreed",
    "onward_referral.decline_overturned": "Offered again after a decline",
    "provider_first_contact_made": "First contact with the person",
    "onward_referral.safe_contact_changed": "How to contact the person safely changed",
    "onward_referral.shared_again": "The Gateway corrected what it had shared",
    "onward_referral.files_shared": "The Gateway shared files",
    "onward_referral.file_taken_back": "The Gateway took a file back",
    "onward_referral.correction_read": "The provider has read what was corrected",
    "onward_referral.decline_by_mistake": "The provider says that it declined by mistake",
    "onward_referral.returned": "Given back to the Gateway",
    "onward_referral.closed": "Support ended",
    "onward_referral.ended_early": "Ended before support began",
    "onward_referral.withdrawn": "Taken back by the Gateway",
    "onward_referral.expired": "Ran out without an answer",
    "note.written": "A message was written",
    **RECORD_TITLES,
}
_REASON_OF = {
    "onward_referral.declined": DeclineReason,
    "onward_referral.closed": ServiceOutcome,
    "onward_referral.ended_early": ServiceOutcome,
    "onward_referral.returned": ReturnReason,
    "onward_referral.withdrawn": WithdrawReason,
    "onward_referral.worker_given": WorkerChangeReason,
    "onward_referral.worker_taken": WorkerChangeReason,
    "onward_referral.appointment_cancelled": AppointmentState,
}

# How a provider reads the state of what was sent to it.
PROVIDER_STATES = {
    OnwardState.OFFERED: "New",
    OnwardState.ACKNOWLEDGED: "Seen by you",
    OnwardState.INFORMATION_REQUESTED: "You asked a question",
    OnwardState.ACCEPTED: "Accepted",
    OnwardState.IN_SERVICE: "Being supported",
}

# What a decline is a reason for; "the person said no" is not "the provider can't".
AFTER_DECLINE = {
    DeclineReason.PERSON_SAID_NO: (
        "The person themselves said no. Ask them what they want before you offer anything else."
    ),
    DeclineReason.NOT_ELIGIBLE: "The service is not for them. Agree, and offer the next service that fits.",
    DeclineReason.NEEDS_ANOTHER_SERVICE: "Agree, and offer the service that the provider names, if it fits.",
    DeclineReason.NO_CAPACITY: (
        "The provider has no room. Offer the next service that fits, or agree a date with them."
    ),
    DeclineReason.CANNOT_REACH_SAFELY: (
        "Check how to contact the person safely before you offer anything else."
    ),
    DeclineReason.CONFLICT_OF_INTEREST: (
        "Agree, and offer another provider: somebody there knows the people involved."
    ),
    DeclineReason.OTHER: "Read what the provider says, then decide.",
}


_STATED = {
    "person": "the person said so",
    "police_feed": "the police said so, not the person",
    "agency": "another agency said so, not the person",
    "caseworker": "a caseworker worked it out, the person did not say so",
}


@dataclass(frozen=True, slots=True)
class SafePanel:
    """The parameters of the macro `safe_contact`; `known` is false where no way is safe."""

    channels: list[dict[str, Any]]
    checked: str | None
    rules: list[str]
    known: bool
    has_hidden: bool


def safe_panel(
    safe: Mapping[str, Any], today: date, *, shown: bool, now: datetime | None = None
) -> SafePanel:
    """How the person may be reached. Numbers, addresses and the code word are there only when `shown`.

    With `now` it says first when this is not one of the safe days and times.
    """
    answers = shared_answers(safe)
    channels = []
    for channel, name, value in CHANNELS:
        allowed = answers[channel]
        detail = safe.get(value) if value and allowed is SafeAnswer.YES else None
        note = f"The {_DETAIL_NAMES[value]} is here, hidden until it is shown" if value and detail else ""
        channels.append(
            {
                "name": name,
                "answer": allowed,
                "note": "" if shown else note,
                "value": detail if shown else None,
            }
        )
    closed = explain_closed_now(safe, now) if now and gives_safe_channel(safe) else None
    hidden = any(safe.get(name) for name in ("number", "email", "address", "code_word"))
    return SafePanel(
        channels=channels,
        checked=_checked(safe, today),
        rules=[*([closed] if closed else []), *_rules(safe, shown=shown)],
        known=gives_safe_channel(safe),
        has_hidden=bool(hidden) and not shown,
    )


def _checked(safe: Mapping[str, Any], today: date) -> str | None:
    """When, and on whose word: somebody else's is not as good as the person's own."""
    if not safe.get("checked_on"):
        return None
    when = days_ago(date.fromisoformat(safe["checked_on"]), today)
    who = _STATED.get(safe.get("stated_by", ""), "nobody wrote down who said so")
    return f"Last checked {when}; {who}"


def _rules(safe: Mapping[str, Any], *, shown: bool) -> Sequence[str]:
    rules = []
    if not gives_safe_channel(safe):
        rules.append(CHECKED_TOO_LONG_AGO if safe.get("is_stale") else NO_SAFE_CHANNEL)
    if safe.get("days"):
        rules.append(f"Only on {', '.join(day.capitalize() for day in safe['days'])}")
    if safe.get("from_time") or safe.get("until_time"):
        rules.append(_window(safe.get("from_time"), safe.get("until_time")))
    if safe.get("who_may_answer"):
        rules.append(f"Who may answer: {safe['who_may_answer']}")
    if safe.get("say_we_are"):
        rules.append(f"Say that you are: {safe['say_we_are']}")
    if safe.get("withhold_number"):
        rules.append("Withhold your number")
    if safe.get("words"):
        rules.append(str(safe["words"]))
    if safe.get("code_word"):
        rules.append(
            f"Code word: {safe['code_word']}"
            if shown
            else "There is a code word: ask for it before you say anything"
        )
    return rules


def _window(from_time: str | None, until_time: str | None) -> str:
    begins, ends = _time(from_time), _time(until_time)
    if begins and ends:
        return f"Only between {begins} and {ends}"
    return f"Only from {begins}" if begins else f"Only until {ends}"


def _time(text: str | None) -> str | None:
    if not text:
        return None
    # Any winter day: it is wall time, written as every time on a page is.
    return clock_time(datetime.combine(date(2026, 1, 1), time.fromisoformat(text), times.LONDON))


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """One notice as a page shows it; `read` says who read it first and when, None for nobody yet."""

    title: str
    at: datetime
    read: str | None


def notice_line(notice: NoticeEntry) -> NoticeLine:
    """A notice in plain text, with the names of what was corrected."""
    title = NOTICE_TEXTS[notice.kind].title
    if notice.fields:
        title += f": {', '.join(handover_field_label(name).lower() for name in notice.fields)}"
    read = f"{date_and_time(notice.read_at)} by {notice.read_by}" if notice.read_at else None
    return NoticeLine(title, notice.created_at, read)


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """One field of a handover that is no longer right: what the provider has, and what is recorded now."""

    label: str
    before: str
    now: str


def changed_line(change: HandoverChange) -> ChangedLine:
    """A change of a handover in plain text."""
    return ChangedLine(
        handover_field_label(change.field), _plain_text(change.before), _plain_text(change.now)
    )


@dataclass(frozen=True, slots=True)
class AmendmentLine:
    """One sharing again, as both sides read it: what was and is told, why, by whom and when."""

    changes: list[ChangedLine]
    reason: str
    by: str
    at: datetime


def amendment_line(amendment: HandoverAmendment) -> AmendmentLine:
    """An amendment of a handover in plain text."""
    return AmendmentLine(
        [changed_line(change) for change in amendment.changes],
        amendment.reason,
        amendment.by,
        amendment.amended_at,
    )


def _plain_text(value: Any) -> str:
    if value is None or value == "" or value == [] or value == ():
        return "Nothing"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, date):
        return long_date(value)
    if isinstance(value, Risk):
        return label_of(value)
    if isinstance(value, Mapping):
        return str(value.get("label") or ", ".join(str(item) for item in value.values()))
    if isinstance(value, list | tuple):
        return "; ".join(_plain_text(item) for item in value)
    return capitalize_first(str(value).replace("_", " "))


def timeline_entries(happened: Sequence[OnwardTimelineEntry]) -> list[dict[str, Any]]:
    """The entries of the macro `timeline`."""
    return [
        {
            "title": _title(entry),
            "by": sign_name(entry.by, entry.organisation),
            "at": entry.occurred_at,
            "learned_at": entry.recorded_at,
            "note": "\n".join(said for said in (describe_codes(entry.codes), entry.text) if said) or None,
        }
        for entry in happened
    ]


def _title(entry: OnwardTimelineEntry) -> str:
    title = TITLES.get(entry.event, capitalize_first(entry.event.replace("_", " ")))
    reasons = _REASON_OF.get(entry.event)
    if reasons is not None and entry.reason_code:
        return f"{title}: {label_of(reasons(entry.reason_code))}"
    return title


_ASKED = "onward_referral.information_requested"


def restorative_caution(found: OnwardReferralView) -> str | None:
    """What a provider must keep to after domestic or sexual abuse, the more so where it offers restorative justice."""
    harms = [harm for harm in found.handover["harms"] if harm in NEEDS_SENIOR_YES]
    if not harms:
        return None
    what = label_of(harms[0])
    if found.is_restorative:
        return (
            f"{what}: restorative justice only with a risk plan and a senior caseworker's yes."
            " Do not contact the other person before that."
        )
    return f"{what}: do not contact the other person, and tell nobody where this person is or that they have help."


@dataclass(frozen=True, slots=True)
class NextPanel:
    """The parameters of the macro `next_panel`, for one side."""

    what: str
    who: str
    due_on: date | None
    why: str | None


def next_for_provider(found: OnwardReferralView, record: ServiceRecord | None, now: datetime) -> NextPanel:
    """What the provider has to do next; `record` is its own work, once it has accepted."""
    if found.state is OnwardState.INFORMATION_REQUESTED:
        asked = max(entry.occurred_at for entry in found.timeline if entry.event == _ASKED)
        meanwhile = (
            f"You asked on {long_date(asked)}. The offer keeps its day: you can answer it while you wait."
        )
        return NextPanel("Accept or decline", "You", found.due_on, meanwhile)
    if not gives_safe_channel(found.safe_contact):
        is_stale = bool(found.safe_contact.get("is_stale"))
        if found.state in UNANSWERED_ONWARD_STATES:
            due_on = found.due_on or found.answer_due_on
            return NextPanel(
                "Accept, ask or decline", "You", due_on, CHECKED_TOO_LONG_AGO if is_stale else NO_SAFE_CHANNEL
            )
        caution = CHECKED_TOO_LONG_AGO if is_stale else NO_SAFE_CHANNEL_WHY
        return NextPanel("Find a safe way", "You", found.due_on, caution)
    if found.state is OnwardState.ACCEPTED:
        planned = found.first_contact_planned_on
        why = f"You planned it for {long_date(planned)}." if planned else _why_from_report(found)
        return NextPanel("Contact the person", "You", found.due_on, why)
    if found.state is OnwardState.IN_SERVICE:
        step = next_work_step(record, now) if record else None
        if step is not None:
            return NextPanel(step.what, step.who, times.london_date(step.at) if step.at else None, step.why)
        return NextPanel("Close with an outcome when support has ended", "You", None, None)
    due_on = found.due_on or found.answer_due_on
    return NextPanel("Accept, ask or decline", "You", due_on, _why_from_report(found))


def _why_from_report(found: OnwardReferralView) -> str | None:
    if KIND_RULES[found.kind].contact_runs_from_report:
        return "The business was promised contact within one working day of its report."
    return None


def next_for_gateway(found: OnwardReferralView) -> NextPanel:
    """What has to happen next, as the caseworker reads it."""
    if found.state is OnwardState.INFORMATION_REQUESTED:
        return NextPanel("Answer the provider's question", "You", None, "They are waiting for your answer.")
    if found.state is OnwardState.DECLINED and not found.is_decline_decided:
        return NextPanel(
            "Decide about the decline",
            "You",
            None,
            AFTER_DECLINE[found.decline_reason or DeclineReason.OTHER],
        )
    if found.state is OnwardState.ACCEPTED:
        return NextPanel(
            "The provider contacts the person", found.provider, found.due_on, _why_from_report(found)
        )
    if found.state is OnwardState.IN_SERVICE:
        return NextPanel("The provider supports the person", found.provider, None, None)
    if found.is_open_to_provider:
        return NextPanel("The provider answers", found.provider, found.due_on or found.answer_due_on, None)
    if found.state is OnwardState.RETURNED:
        why = "The provider gave the person back: which help comes next is decided on the referral."
        return NextPanel("Nothing more to do here", "Nobody", None, why)
    return NextPanel("Nothing more to do here", "Nobody", None, "This onward referral has ended.")
