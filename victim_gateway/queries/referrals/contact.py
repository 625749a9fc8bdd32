"""How a person may be reached and which attempts were made; numbers and addresses are revealed one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
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
from victim_gateway.rules.safe_contact import usable_answers
from victim_gateway.vocabulary import SafeAnswer

CHANNELS = ("phone", "voicemail", "sms", "email", "post")
_ADDRESS = ("address_line_1", "address_line_2", "town", "postcode")
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
    """One way of contact. `hidden` names what can be shown for it: the plan's own, else the person's."""

    name: str
    answer: SafeAnswer
    hidden: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContactDetails:
    """`plan` is the opened plan, `is_known` false where the answers are missing or too old."""

    channels: tuple[ContactChannel, ...]
    plan: Mapping[str, Any]
    rules: tuple[str, ...]
    is_known: bool
    stated_by: str | None
    attempts: tuple[LoggedAttempt, ...]
    attempt_count: int
    least_attempts: int
    consents: tuple[ConsentRecord, ...]


def contact_details(session: Session, head: ReferralHeader, *, at: datetime) -> ContactDetails:
    """The contact page's data without the numbers and addresses themselves."""
    plan = opened_plan(head)
    tried = contact_attempt_history(session, head.referral.id, head.key)
    thresholds = current_settings().area.thresholds
    newest = at - timedelta(days=thresholds.safe_contact_recheck_days)
    checked_at = head.plan.checked_at if head.plan else None
    return ContactDetails(
        channels=tuple(_contact_channel(name, head, plan) for name in CHANNELS),
        plan=plan,
        rules=_rules(head, plan),
        is_known=head.safe is SafeAnswer.YES and checked_at is not None and checked_at >= newest,
        stated_by=head.plan.stated_by if head.plan else None,
        attempts=tried,
        attempt_count=sum(counts_as_attempt(attempt.outcome) for attempt in tried),
        least_attempts=thresholds.contact_attempts_before_closing,
        consents=consent_history(session, head.referral.person_id),
    )


def opened_plan(head: ReferralHeader) -> Mapping[str, Any]:
    """The plan in force, opened; empty where there is none."""
    if head.plan is None:
        return {}
    opened: Mapping[str, Any] = encrypted_rows.unseal_row(
        head.key, "safe_contact_plan", head.plan.id, head.plan.sealed
    )
    return opened


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
        value = opened_plan(head).get(_OF_THE_PLAN[what])
    elif what == "address":
        value = ", ".join(head.person[name] for name in _ADDRESS if head.person.get(name))
    else:
        value = head.person.get(what)
    return value or "Nothing is recorded"


def _contact_channel(name: str, head: ReferralHeader, plan: Mapping[str, Any]) -> ContactChannel:
    return ContactChannel(name, usable_answers(head.safe, plan)[name], _hidden(name, head, plan))


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
    if plan.get("days"):
        rules.append(f"Only on {', '.join(day.capitalize() for day in plan['days'])}")
    if plan.get("from_time") or plan.get("until_time"):
        rules.append(
            f"Only between {plan.get('from_time') or '0:00'} and {plan.get('until_time') or '24:00'}"
        )
    if plan.get("withhold_number"):
        rules.append("Our number must not show")
    if plan.get("who_may_answer"):
        rules.append(f"May also answer: {plan['who_may_answer']}")
    if plan.get("say_we_are"):
        rules.append(f"If somebody else answers, say we are: {plan['say_we_are']}")
    if plan.get("words"):
        rules.append(plan["words"])
    if head.details.get("safe_contact_note") and head.details["safe_contact_note"] != plan.get("words"):
        rules.append(f"From the police: {head.details['safe_contact_note']}")
    return tuple(rules)
