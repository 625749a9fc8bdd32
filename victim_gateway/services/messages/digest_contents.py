"""What a reader's digest says, read from what is true at the moment: references and dates, never a name."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.models import (
    Message,
    OnwardReferral,
    Organisation,
    Referral,
    ReferralAccess,
    Reminder,
    ReminderSnooze,
    User,
)
from victim_gateway.queries.accounts.memberships import works_for_service
from victim_gateway.queries.reminders.risk_order import RISK_ORDER
from victim_gateway.queries.reminders.rules_in_force import rules_in_force
from victim_gateway.rules.digest import DigestGroup, DigestLine, group_digest
from victim_gateway.rules.reminder_rules import find_silent_rules
from victim_gateway.vocabulary import PROVIDER_ROLES, MessageState, OrganisationKind

# So many reminders of one reader are looked at; the page has them all.
MOST_REMINDERS = 1000


def read_digest(session: Session, user_id: UUID, at: datetime) -> dict[DigestGroup, list[str]]:
    """The references of a reader's digest by part; empty where there is nothing to write about. As the service."""
    since = session.scalar(
        select(func.max(Message.sent_at)).where(
            Message.recipient_user_id == user_id,
            Message.digest_on.is_not(None),
            Message.state == MessageState.SENT,
        )
    )
    lines = [_line(row, since) for row in session.execute(_reminders(user_id, since, at, _silent(session)))]
    return group_digest(lines, times.london_date(at))


def most_urgent_reminder(session: Session, user_id: UUID, at: datetime) -> Any:
    """The row of the reminder that matters most of those a digest is about; None where it is about none."""
    rows = session.execute(_reminders(user_id, None, at, _silent(session))).all()
    return next((row for row in rows if row.referral_id is not None), None)


def _line(row: Any, since: datetime | None) -> DigestLine:
    is_since = since is None or row.created_at > since
    return DigestLine(
        reference=row.reference,
        kind=row.kind,
        rule_code=row.rule_code,
        due_on=row.due_on,
        is_new=is_since and not row.was_sent and row.seen_at is None,
        is_settled=row.resolved_at is not None,
    )


def _silent(session: Session) -> list[str]:
    return find_silent_rules(rules_in_force(session))


def _reminders(user_id: UUID, since: datetime | None, at: datetime, silent: list[str]) -> Any:
    """Open reminders of a reader, and those that were settled since the digest before; by risk, then by date."""
    is_open: Any = Reminder.resolved_at.is_(None)
    if since is not None:
        was_named = and_(Reminder.created_at <= since, Reminder.seen_at.is_(None))
        is_open = or_(is_open, and_(Reminder.resolved_at > since, was_named))
    return (
        select(
            Reminder.reference,
            Reminder.kind,
            Reminder.rule_code,
            Reminder.due_on,
            Reminder.created_at,
            Reminder.seen_at,
            Reminder.resolved_at,
            Reminder.referral_id,
            Reminder.onward_referral_id,
            _was_sent().label("was_sent"),
        )
        .select_from(Reminder)
        .join(User, User.id == user_id)
        .join(Organisation, Organisation.id == User.organisation_id)
        .outerjoin(Referral, Referral.id == Reminder.referral_id)
        .outerjoin(OnwardReferral, OnwardReferral.id == Reminder.onward_referral_id)
        .where(
            is_open,
            or_(Reminder.expires_at.is_(None), Reminder.expires_at > at),
            _is_addressed(),
            or_(Reminder.referral_id.is_(None), Referral.restricted.is_(False), _is_named()),
            ~_is_snoozed(at),
            # What the area shows on pages alone.
            func.coalesce(Reminder.rule_code, "").not_in(silent),
        )
        .order_by(RISK_ORDER, Reminder.due_on.asc().nulls_last(), Reminder.created_at, Reminder.id)
        .limit(MOST_REMINDERS)
    )


def _is_addressed() -> Any:
    """To the reader by name, to the seniors of the Gateway, or to the people of the service at a provider."""
    may_open = and_(
        User.role.in_(PROVIDER_ROLES),
        OnwardReferral.provider_access_ended_at.is_(None),
        works_for_service(OnwardReferral.provider_id, OnwardReferral.service_id),
    )
    is_gateways = and_(User.role.not_in(PROVIDER_ROLES), Organisation.kind == OrganisationKind.GATEWAY)
    return or_(
        and_(Reminder.recipient_user_id == User.id, or_(is_gateways, may_open)),
        and_(
            Reminder.recipient_user_id.is_(None),
            or_(
                and_(
                    is_gateways,
                    Reminder.recipient_organisation_id == User.organisation_id,
                    Reminder.recipient_role == User.role,
                ),
                and_(Reminder.recipient_organisation_id == OnwardReferral.provider_id, may_open),
            ),
        ),
    )


def _is_named() -> Any:
    return (
        select(ReferralAccess.user_id)
        .where(ReferralAccess.referral_id == Reminder.referral_id, ReferralAccess.user_id == User.id)
        .exists()
    )


def _is_snoozed(at: datetime) -> Any:
    return (
        select(ReminderSnooze.id)
        .where(
            ReminderSnooze.reminder_id == Reminder.id,
            ReminderSnooze.user_id == User.id,
            ReminderSnooze.ended_at.is_(None),
            ReminderSnooze.until_at > at,
        )
        .exists()
    )


def _was_sent() -> Any:
    return (
        select(Message.id)
        .where(
            Message.reminder_id == Reminder.id,
            Message.recipient_user_id == User.id,
            Message.state == MessageState.SENT,
        )
        .exists()
    )
