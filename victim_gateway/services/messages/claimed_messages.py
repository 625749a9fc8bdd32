"""Read claimed messages with what is true now of their readers and of what they are about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import false, func, select, true
from sqlalchemy.orm import Session

from victim_gateway.database.table_aliases import named_alias
from victim_gateway.models import (
    MailPreference,
    Message,
    NoticeReading,
    OnwardReferral,
    Organisation,
    Person,
    ProviderNotice,
    Referral,
    ReferralAccess,
    Reminder,
    User,
)
from victim_gateway.queries.accounts.memberships import works_for_service
from victim_gateway.queries.onward_referrals.standing_contacts import is_closed_to_links
from victim_gateway.services.messages.digest_contents import read_digest
from victim_gateway.services.messages.reader_times import PREFERENCE_COLUMNS, times_of
from victim_gateway.services.messages.send_checks import (
    ClaimedMessage,
    MailedDigest,
    MailedNotice,
    MailedReminder,
    MailedSubject,
    MailReader,
)

_READER = (
    User.id.label("user_id"),
    func.coalesce(User.contact_email, User.email).label("email"),
    User.contact_service_id.is_not(None).label("is_contact"),
    User.role,
    User.organisation_id,
    Organisation.kind.label("organisation_kind"),
    User.disabled_at,
)


def claimed_messages(
    session: Session, message_ids: Sequence[UUID], at: datetime
) -> dict[UUID, ClaimedMessage]:
    """The messages by id, as they are at `at`; a statement for each kind there is, and two for each digest."""
    readers = _readers(session, message_ids)
    subjects = _reminders(session, message_ids)
    if len(subjects) < len(message_ids):
        subjects |= _notices(session, message_ids)
    if len(subjects) < len(message_ids):
        subjects |= _digests(session, message_ids, at)
    return {
        message_id: ClaimedMessage(message_id, readers[message_id], subject)
        for message_id, subject in subjects.items()
    }


def _reminders(session: Session, message_ids: Sequence[UUID]) -> dict[UUID, MailedSubject]:
    named = (
        select(ReferralAccess.user_id)
        .where(ReferralAccess.referral_id == Referral.id, ReferralAccess.user_id == User.id)
        .exists()
    )
    columns = (
        Reminder.id.label("reminder_id"),
        Reminder.kind,
        Reminder.rule_code,
        Reminder.reference,
        Reminder.expires_at,
        Reminder.recipient_role,
        Reminder.resolved_at,
        Reminder.recipient_user_id,
        Reminder.recipient_organisation_id,
        # A file that has not come in belongs to no referral.
        func.coalesce(Referral.restricted, false()).label("is_restricted"),
        named.label("may_see_restricted"),
        works_for_service(OnwardReferral.provider_id, OnwardReferral.service_id).label("may_open"),
        Reminder.onward_referral_id,
        # What belongs to no referral is opened by no link.
        func.coalesce(is_closed_to_links(), true()).label("is_closed_to_links"),
    )
    statement = (
        select(Message.id, *columns)
        .join(Reminder, Reminder.id == Message.reminder_id)
        .outerjoin(Referral, Referral.id == Reminder.referral_id)
        .outerjoin(Person, Person.id == Referral.person_id)
        .join(User, User.id == Message.recipient_user_id)
        .outerjoin(OnwardReferral, OnwardReferral.id == Reminder.onward_referral_id)
        .where(Message.id.in_(message_ids))
    )
    return {row.id: MailedReminder(**_without_id(row)) for row in session.execute(statement)}


def _notices(session: Session, message_ids: Sequence[UUID]) -> dict[UUID, MailedSubject]:
    later = named_alias(ProviderNotice, "later")
    has_later = (
        select(later.id)
        .where(
            later.onward_referral_id == ProviderNotice.onward_referral_id,
            later.kind == ProviderNotice.kind,
            later.created_at > ProviderNotice.created_at,
        )
        .exists()
    )
    columns = (
        ProviderNotice.id.label("notice_id"),
        ProviderNotice.kind,
        ProviderNotice.reference,
        ProviderNotice.due_on,
        ProviderNotice.onward_referral_id,
        ProviderNotice.provider_id,
        OnwardReferral.state,
        OnwardReferral.provider_access_ended_at.is_(None).label("is_open"),
        works_for_service(ProviderNotice.provider_id, ProviderNotice.service_id).label("may_read"),
        has_later.label("has_later"),
        is_closed_to_links().label("is_closed_to_links"),
        NoticeReading.reader_id.label("read_by_id"),
    )
    statement = (
        select(Message.id, *columns)
        .join(ProviderNotice, ProviderNotice.id == Message.notice_id)
        .join(OnwardReferral, OnwardReferral.id == ProviderNotice.onward_referral_id)
        .join(Referral, Referral.id == OnwardReferral.referral_id)
        .join(Person, Person.id == OnwardReferral.person_id)
        .join(User, User.id == Message.recipient_user_id)
        .outerjoin(NoticeReading, NoticeReading.notice_id == ProviderNotice.id)
        .where(Message.id.in_(message_ids))
    )
    return {row.id: MailedNotice(**_without_id(row)) for row in session.execute(statement)}


def _digests(session: Session, message_ids: Sequence[UUID], at: datetime) -> dict[UUID, MailedSubject]:
    rows = session.execute(
        select(Message.id, Message.digest_on, Message.recipient_user_id).where(
            Message.id.in_(message_ids), Message.digest_on.is_not(None)
        )
    ).all()
    return {
        row.id: MailedDigest(row.digest_on, read_digest(session, row.recipient_user_id, at)) for row in rows
    }


def _readers(session: Session, message_ids: Sequence[UUID]) -> dict[UUID, MailReader]:
    statement = (
        select(Message.id, *_READER, *PREFERENCE_COLUMNS)
        .join(User, User.id == Message.recipient_user_id)
        .join(Organisation, Organisation.id == User.organisation_id)
        .outerjoin(MailPreference, MailPreference.user_id == User.id)
        .where(Message.id.in_(message_ids))
    )
    return {row.id: _reader(row) for row in session.execute(statement)}


def _reader(row: Any) -> MailReader:
    return MailReader(
        user_id=row.user_id,
        email=row.email,
        role=row.role,
        organisation_id=row.organisation_id,
        organisation_kind=row.organisation_kind,
        disabled_at=row.disabled_at,
        is_contact=row.is_contact,
        times=times_of(row, row.role),
    )


def _without_id(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name != "id"}
