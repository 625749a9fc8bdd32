"""Contact attempts of the scenarios, only by channels that are recorded as safe."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.demo import phrases
from victim_gateway.demo.case import DemoCase, KnownPlan
from victim_gateway.models import Referral
from victim_gateway.queries.people.safe_contact_plans import plan_in_force
from victim_gateway.rules.safe_contact import CHANNELS_OF_DETAIL
from victim_gateway.services.referrals import contact_attempts, safe_contact
from victim_gateway.services.referrals.contact_attempts import AttemptDetails
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import AttemptOutcome, Channel, SafeAnswer

CHECKED = ("read_plan", "right_number", "right_time")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
YES, NO = SafeAnswer.YES, SafeAnswer.NO


def try_to_reach(case: DemoCase) -> None:
    """Log an attempt without an answer."""
    channel = _safe_channel(case)
    outcome = AttemptOutcome.NO_ANSWER if channel is Channel.PHONE else AttemptOutcome.SENT
    _attempt(case, channel, outcome)


def reach_person(case: DemoCase) -> None:
    """Log an attempt that reaches the person, who mostly says then which channels are safe."""
    _attempt(case, _safe_channel(case), AttemptOutcome.REACHED)
    if case.likely(0.25):
        case.wait()
        agree_safe_contact(case)


def find_dead_line(case: DemoCase) -> None:
    """Log an attempt at a wrong number: safe contact must be checked before the next one."""
    ask_first(case)
    _attempt(case, Channel.PHONE, AttemptOutcome.WRONG_NUMBER, phrases.DEAD_LINE)


def stop_because_unsafe(case: DemoCase) -> None:
    """Log a call that was stopped because it was not safe."""
    _attempt(case, Channel.PHONE, AttemptOutcome.UNSAFE_STOPPED, phrases.STOPPED)


def agree_safe_contact(case: DemoCase) -> None:
    """Record what the person says about safe contact."""
    if case.planned.police_account.domestic_abuse:
        plan = SafeContactAnswer(
            safe=YES,
            channels={"phone": YES, "post": NO, "voicemail": NO},
            days=WEEKDAYS,
            from_time=time(8),
            until_time=time(20),
            code_word="bluebell" if case.likely(0.6) else None,
            say_we_are="the library",
            withhold_number=True,
            remarks=phrases.SAID_SAFE,
        )
    else:
        also = case.pick("sms", "email", "voicemail")
        if also == "email" and not case.planned.victim.email:
            also = "sms"
        plan = SafeContactAnswer(safe=YES, channels={"phone": YES, also: YES}, remarks=phrases.SAID_SAFE)
    _record(case, plan)


def ask_first(case: DemoCase) -> None:
    """Record what the police or the referring agency said about safe contact."""
    _record(
        case,
        SafeContactAnswer(
            safe=YES, channels={"phone": YES}, remarks=phrases.ASKED_POLICE, stated_by="caseworker"
        ),
    )
    case.wait()


def _record(case: DemoCase, plan: SafeContactAnswer) -> None:
    version = _plan(case).version
    said = replace(plan, same_details=tuple(CHANNELS_OF_DETAIL))
    safe_contact.record_safe_contact(Command(case.owner, case.at, version=version), case.id, said)
    channels = tuple(channel for channel in Channel if channel in plan.safe_channels)
    case.plan = KnownPlan(version + 1, channels, case.at)


def _attempt(case: DemoCase, channel: Channel, outcome: AttemptOutcome, said: str | None = None) -> None:
    contact_attempts.log_contact_attempt(
        Command(case.owner, case.at, version=_plan(case).version),
        case.id,
        AttemptDetails(case.at, channel, outcome, checked=CHECKED, text=said),
    )
    if outcome in contact_attempts.UNCERTAIN_OUTCOMES:
        # The plan in force is another now.
        case.plan = None


def _safe_channel(case: DemoCase) -> Channel:
    """A way that may be used now; where there is none, the owner finds out first."""
    plan = _plan(case)
    oldest = case.at - timedelta(days=current_settings().area.thresholds.safe_contact_recheck_days)
    if plan.safe_channels and plan.checked_at is not None and plan.checked_at >= oldest:
        return plan.safe_channels[0]
    ask_first(case)
    return Channel.PHONE


def _plan(case: DemoCase) -> KnownPlan:
    """Read the plan in force once: from then on only the scenarios change it."""
    if case.plan is None:
        with transaction(case.owner) as session:
            plan = plan_in_force(session, session.get_one(Referral, case.id).person_id)
        channels = tuple(channel for channel in Channel if plan is not None and channel in plan.safe_channels)
        case.plan = KnownPlan(plan.version, channels, plan.checked_at) if plan else KnownPlan(0, (), None)
    return case.plan
