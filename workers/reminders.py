"""The task that turns what is due into reminders, every minute."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.extensions import celery
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import succession
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
from victim_gateway.services.reminders import reminder_pass, snoozes
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import TaskName

log = structlog.get_logger()


def _run_reminder_pass(command: Command) -> None:
    reminder_pass.run_reminder_pass(actor=command.actor, at=command.at)


def _end_past_snoozes(command: Command) -> None:
    snoozes.end_past_snoozes(actor=command.actor, at=command.at)


STEPS: tuple[Callable[[Command], object], ...] = (
    _run_reminder_pass,
    _end_past_snoozes,
    onward_referrals.expire_unanswered_offers,
    onward_referrals.ask_next_services,
    succession.close_late_offers,
    onward_referrals.chase_unread_corrections,
    onward_referrals.ask_for_due_overrides,
    withholdings.open_due_reviews,
    complaints.open_due_complaints,
    support_plan.ask_for_due_reviews,
    coming_of_age.hand_over_to_new_adults,
    safety_devices.ask_for_overdue_devices,
    repeat_judgements.ask_for_due_targeting_reviews,
    video_links.remind_of_bookings,
    case_reviews.open_due_case_reviews,
)


@celery.task(name=TaskName.SWEEP_REMINDERS)  # type: ignore[untyped-decorator]
def sweep_reminders() -> None:
    """Run one pass: reminders, offers that ran out, corrections that were not read, and what is due to be looked at."""
    run_separately(STEPS, Command(Actor.worker("reminders"), times.now()))


def run_separately(steps: Iterable[Callable[[Command], object]], command: Command) -> None:
    """Run each step, whichever of the others fail: one bad record must not stop every later sweep.

    What failed is logged, and raised as an ExceptionGroup at the end, so that the task counts as failed.
    """
    failures = []
    for step in steps:
        try:
            step(command)
        except Exception as error:
            log.error("reminders.step_failed", step=step.__name__, error=type(error).__name__)
            failures.append(error)
    if failures:
        raise ExceptionGroup("steps of the sweep failed", failures)
