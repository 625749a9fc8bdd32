"""Tell a provider at once: a notice for its pages, and an e-mail to each of its accounts where mail is set.

Written in the transaction of what it tells of, so that neither is there without the other. Who it reaches are the
provider's own accounts that may open the onward referral by its service, and nobody else's.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.compliance.calendar import add_working_days, england_and_wales
from victim_gateway.database.current import current_settings
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import CalendarExhausted
from victim_gateway.models import Message, OnwardReferral, ProviderNotice, User
from victim_gateway.queries.accounts.memberships import works_for_service
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.provider_notices import ASKING_FOR_ANSWER
from victim_gateway.services.messages import failed_messages
from victim_gateway.vocabulary import MessageState, NoticeKind, TaskName


def tell_provider(
    session: Session, onward: OnwardReferral, kind: NoticeKind, *, at: datetime, fields: Collection[str] = ()
) -> UUID:
    """Tell the provider of an onward referral; `fields` names what was corrected. Gives the notice's id.

    An e-mail that says the same and has not left yet is dropped when its moment comes (`send_checks`).
    """
    with as_service(session):
        notice = ProviderNotice(
            id=new_row_id(),
            kind=kind,
            onward_referral_id=onward.id,
            provider_id=onward.provider_id,
            service_id=onward.service_id,
            reference=onward.reference,
            due_on=_due_on(onward, kind, at),
            fields=list(fields),
            created_at=at,
        )
        session.add(notice)
        session.flush()
        # That they declined themselves is no news to them.
        if current_settings().smtp_url is not None and kind is not NoticeKind.DECLINED:
            _queue_messages(session, notice, onward.referral_id, at)
    return notice.id


def _queue_messages(session: Session, notice: ProviderNotice, referral_id: UUID, at: datetime) -> None:
    readers = session.scalars(
        select(User.id)
        .where(works_for_service(notice.provider_id, notice.service_id), User.disabled_at.is_(None))
        .order_by(User.id)
    ).all()
    if not readers:
        failed_messages.open_unaddressed_task(session, notice, referral_id, at=at)
        return
    session.execute(
        insert(Message),
        [
            {
                "id": new_row_id(),
                "notice_id": notice.id,
                "recipient_user_id": reader,
                "state": MessageState.QUEUED,
                "next_attempt_at": at,
                "created_at": at,
            }
            for reader in readers
        ],
    )
    enqueue_task(session, TaskName.SEND_MESSAGE, at)


def _due_on(onward: OnwardReferral, kind: NoticeKind, at: datetime) -> date | None:
    if kind in ASKING_FOR_ANSWER:
        return onward.answer_due_on
    thresholds = current_settings().area.thresholds
    days = {
        NoticeKind.SAFE_CONTACT_CHANGED: thresholds.safe_contact_read_working_days,
        NoticeKind.SHARED_AGAIN: thresholds.correction_read_working_days,
        NoticeKind.DECLINED: thresholds.decline_mistake_working_days,
    }
    if kind not in days:
        return None
    try:
        return add_working_days(times.london_date(at), days[kind], england_and_wales())
    except CalendarExhausted:
        return None


def close_decline_notices(session: Session, onward_referral_id: UUID, *, at: datetime) -> None:
    """The Gateway has decided about a decline: the provider no longer sees that it stands."""
    with as_service(session):
        session.execute(
            update(ProviderNotice)
            .where(
                ProviderNotice.onward_referral_id == onward_referral_id,
                ProviderNotice.kind == NoticeKind.DECLINED,
                ProviderNotice.closed_at.is_(None),
            )
            .values(closed_at=at)
        )
