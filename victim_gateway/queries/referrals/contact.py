"""How a person may be reached and which attempts were made; numbers and addresses are revealed one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.overview import (
    ConsentRecord,
    LoggedAttempt,
    consent_history,
    contact_attempt_history,
)
from victim_gateway.rules.closing import counts_as_attempt
from victim_gateway.rules.contact_windows import describe_window, read_contact_window
from victim_gateway.rules.safe_contact import channels_without_detail, contact_answers, known_details
from victim_gateway.vocabulary import SafeAnswer

CHANNELS = ("phone", "voicemail", "sms", "email", "post")
# Values that a page shows only on request: the person's, and the plan's.
HIDDEN = (
    "phone",
    "email",
    "address",
    "plan_number",
    "plan_email",
    "plan_address",
    "code_word",
    "phone_2",
    "safe_number",
    "guardian_phone",
)
_OF_THE_PLAN = {
    "plan_number": "number",
    "plan_email": "email",
    "plan_address": "address",
    "code_word": "code_word",
}


@dataclass(frozen=True, slots=True)
class ContactChannel:
    """One way of contact. `hidden` names what can be shown for it: the plan's own, else the person's.

    `lacks_detail` where it is recorded as safe, but no number or address is known: it is not shown as safe then.
    """

    name: str
    answer: SafeAnswer
    hidden: tuple[str, ...]
    lacks_detail: bool


@dataclass(frozen=True, slots=True)
class ContactDetails:
    """`plan` is the opened plan; `is_known` is false where nothing may be used now, `is_fresh` where it was checked
    too long ago. `opens_at` is the next safe moment where now is outside the safe days and times.
    """

    channels: tuple[ContactChannel, ...]
    plan: Mapping[str, Any]
    rules: tuple[str, ...]
    is_known: bool
    is_fresh: bool
    is_open_now: bool
    opens_at: datetime | None
    stated_by: str | None
    attempts: tuple[LoggedAttempt, ...]
    attempt_count: int
    least_attempts: int
    consents: tuple[ConsentRecord, ...]


def contact_details(session: Session, head: ReferralHeader, *, at: datetime) -> ContactDetails:
    """The contact page's data without the numbers and addresses themselves."""
    plan, window = head.plan_document, read_contact_window(head.plan_document)
    tried = contact_attempt_history(session, head.referral.id, head.key)
    thresholds = current_settings().area.thresholds
    return ContactDetails(
        channels=tuple(_contact_channel(name, head) for name in CHANNELS),
        plan=plan,
        rules=_rules(head, plan),
        is_known=bool(head.safe_channels),
        is_fresh=head.contact_facts.is_fresh(at, thresholds.safe_contact_recheck_days),
        is_open_now=window.contains(at),
        opens_at=None if window.contains(at) else window.next_opening(at),
        stated_by=head.plan.stated_by if head.plan else None,
        attempts=tried,
        attempt_count=sum(counts_as_attempt(attempt.outcome) for attempt in tried),
        least_attempts=thresholds.contact_attempts_before_closing,
        consents=consent_history(session, head.referral.person_id),
    )


def reveal_contact_value(session: Session, head: ReferralHeader, what: str) -> str:
    """Reveal one hidden value, and audit that it was seen. `what` is one of HIDDEN."""
    record_audit(
        session,
        "contact_detail.shown",
        subject_type="referral",
        subject_id=head.referral.id,
        person_id=head.referral.person_id,
        what=what,
    )
    if what in _OF_THE_PLAN:
        value = head.plan_document.get(_OF_THE_PLAN[what])
    elif what == "address":
        value = known_details({}, head.person).get("address")
    else:
        value = head.person.get(what)
    return value or "Nothing is recorded"


def _contact_channel(name: str, head: ReferralHeader) -> ContactChannel:
    plan = head.plan_document
    return ContactChannel(
        name=name,
        answer=contact_answers(head.safe, plan, head.person)[name],
        hidden=_hidden(name, head, plan),
        lacks_detail=name in channels_without_detail(head.safe, plan, head.person),
    )


def _hidden(name: str, head: ReferralHeader, plan: Mapping[str, Any]) -> tuple[str, ...]:
    """The safe number or address where the person named one; only without it, the one on record."""
    of_plan, of_person = {
        "phone": ("plan_number", "phone"),
        "voicemail": (None, None),
        "sms": (None, None),
        "email": ("plan_email", "email"),
        "post": ("plan_address", "address"),
    }[name]
    if of_plan and plan.get(_OF_THE_PLAN[of_plan]):
        return (of_plan,)
    has_own = (
        head.person.get("address_line_1") if of_person == "address" else head.person.get(of_person or "")
    )
    return (of_person,) if of_person and has_own else ()


def _rules(head: ReferralHeader, plan: Mapping[str, Any]) -> tuple[str, ...]:
    """The plan's rules as sentences."""
    rules = []
    window = read_contact_window(plan)
    if window.is_limited:
        rules.append(f"Only {describe_window(window)}")
    if plan.get("withhold_number"):
        rules.append("Our number must not show")
    if plan.get("wants_reminders") is True:
        rules.append("They want a reminder the day before an appointment")
    if plan.get("who_may_answer"):
        rules.append(f"May also answer: {plan['who_may_answer']}")
    if plan.get("say_we_are"):
        rules.append(f"If somebody else answers, say we are: {plan['say_we_are']}")
    if plan.get("words"):
        rules.append(plan["words"])
    if head.details.get("safe_contact_note") and head.details["safe_contact_note"] != plan.get("words"):
        rules.append(f"From the police: {head.details['safe_contact_note']}")
    return tuple(rules)
