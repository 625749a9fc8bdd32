"""Corrections that a provider has not read: a caseworker is asked to ring, until somebody there has read them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database.transaction import transaction
from victim_gateway.models import NoticeReading, OnwardReferral, ProviderNotice, Task
from victim_gateway.rules.provider_notices import CORRECTIONS
from victim_gateway.services.shared import next_action, tasks
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import onward_task_key
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import TaskKind


def chase_unread_corrections(command: Command) -> int:
    """Ask for each correction that was to be read by yesterday and was not; end what has been read since.

    Each is asked for once: a caseworker who has rung is not asked again. Safe to run late, often or twice at
    once. Returns how many were asked for. As the service.
    """
    with transaction(command.actor) as session:
        unread = _unread(session, command)
        for row in unread:
            tasks.open_task(
                session,
                NewTask(
                    kind=TaskKind.CORRECTION_UNREAD,
                    referral_id=row.referral_id,
                    dedupe_key=onward_task_key(TaskKind.CORRECTION_UNREAD, row.onward_referral_id),
                    onward_referral_id=row.onward_referral_id,
                ),
                at=command.at,
            )
        if unread:
            chased = update(ProviderNotice).where(ProviderNotice.id.in_([row.id for row in unread]))
            session.execute(chased.values(chased_at=command.at))
        done = _finish_read(session, command)
        touched = sorted({*(row.referral_id for row in unread), *done})
        next_action.refresh_next_actions(session, touched, at=command.at)
    return len(unread)


def _unread(session: Session, command: Command) -> Sequence[Row[UUID, UUID, UUID]]:
    """The corrections to ask for, locked, so that two passes at once ask for each once."""
    return session.execute(
        select(ProviderNotice.id, ProviderNotice.onward_referral_id, OnwardReferral.referral_id)
        .join(OnwardReferral, OnwardReferral.id == ProviderNotice.onward_referral_id)
        .where(
            ProviderNotice.kind.in_(CORRECTIONS),
            ProviderNotice.chased_at.is_(None),
            ProviderNotice.due_on < times.london_date(command.at),
            OnwardReferral.provider_access_ended_at.is_(None),
            ~select(NoticeReading.notice_id).where(NoticeReading.notice_id == ProviderNotice.id).exists(),
        )
        .order_by(ProviderNotice.id)
        .with_for_update(of=ProviderNotice, skip_locked=True)
    ).all()


def _finish_read(session: Session, command: Command) -> list[UUID]:
    """End the tasks of onward referrals whose corrections have all been read; gives their referrals."""
    still_unread = (
        select(ProviderNotice.id)
        .where(
            ProviderNotice.onward_referral_id == Task.onward_referral_id,
            ProviderNotice.kind.in_(CORRECTIONS),
            ~select(NoticeReading.notice_id).where(NoticeReading.notice_id == ProviderNotice.id).exists(),
        )
        .exists()
    )
    done = update(Task).where(Task.kind == TaskKind.CORRECTION_UNREAD, Task.done_at.is_(None), ~still_unread)
    return list(session.scalars(done.values(done_at=command.at).returning(Task.referral_id)))
