"""The task that turns what is due into reminders, every minute."""

from __future__ import annotations

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.extensions import celery
from victim_gateway.services import onward_referrals
from victim_gateway.services.referrals import (
    case_reviews,
    coming_of_age,
    complaints,
    repeat_judgements,
    safety_devices,
    support_plan,
    video_links,
    withholdings,
)
from victim_gateway.services.reminders import reminder_pass
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import TaskName


@celery.task(name=TaskName.SWEEP_REMINDERS)  # type: ignore[untyped-decorator]
def sweep_reminders() -> None:
    """Run one pass: reminders, offers that ran out, corrections nobody has read, and what is due to be looked at."""
    actor, at = Actor.worker("reminders"), times.now()
    reminder_pass.run_reminder_pass(actor=actor, at=at)
    onward_referrals.expire_unanswered_offers(Command(actor, at))
    onward_referrals.chase_unread_corrections(Command(actor, at))
    onward_referrals.ask_for_due_overrides(Command(actor, at))
    withholdings.open_due_reviews(Command(actor, at))
    complaints.open_due_complaints(Command(actor, at))
    support_plan.ask_for_due_reviews(Command(actor, at))
    coming_of_age.hand_over_to_new_adults(Command(actor, at))
    safety_devices.ask_for_overdue_devices(Command(actor, at))
    repeat_judgements.ask_for_due_targeting_reviews(Command(actor, at))
    video_links.remind_of_bookings(Command(actor, at))
    case_reviews.open_due_case_reviews(Command(actor, at))
