"""A succession from the plan to its end, with the workers' batches done here, for tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from victim_gateway.database.transaction import transaction
from victim_gateway.queries.providers.successions import SuccessionView, succession_view
from victim_gateway.services.onward_referrals import succession, succession_batches
from victim_gateway.services.onward_referrals.succession import SuccessionPlan
from victim_gateway.services.shared.command import Command


def work_until_over(succession_id: UUID, at: datetime) -> int:
    """Every batch that is left; gives how many there were."""
    batches = 0
    while not succession_batches.work_on_next_batch(succession_id, at=at):
        batches += 1
    return batches


def look_at(command: Command, plan: SuccessionPlan) -> SuccessionView:
    """What would happen, as the senior sees it."""
    succession_id = succession.open_succession(command, plan)
    work_until_over(succession_id, command.at)
    return view_of(command, succession_id)


def take_over(command: Command, plan: SuccessionPlan) -> SuccessionView:
    """Look at it, agree to it, and carry it out."""
    seen = look_at(replace(command, submission_id=None), plan)
    return carry_out(command, seen.id)


def carry_out(command: Command, succession_id: UUID) -> SuccessionView:
    """Agree, and do every batch."""
    succession.agree_succession(command, succession_id)
    work_until_over(succession_id, command.at)
    return view_of(command, succession_id)


def view_of(command: Command, succession_id: UUID) -> SuccessionView:
    """The succession as the actor reads it."""
    with transaction(command.actor) as session:
        return succession_view(session, succession_id)
