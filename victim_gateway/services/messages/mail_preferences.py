"""When an account wants its e-mails: read and changed by the account itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import InvalidInput, StaleVersion
from victim_gateway.models import DigestSchedule, MailPreference
from victim_gateway.rules.mail_times import MailTimes
from victim_gateway.services.messages.digests import plan_digest
from victim_gateway.services.messages.reader_times import usual_times
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

_STALE = "You changed these times in another window. Look at them again."


@dataclass(frozen=True, slots=True)
class ReaderTimes:
    """The times of an account; version 0: the area's, as it never chose."""

    times: MailTimes
    version: int


def own_mail_times(session: Session, actor: Actor) -> ReaderTimes:
    """The times of the account that asks."""
    row = session.get(MailPreference, actor.user_id)
    if row is None:
        return ReaderTimes(usual_times(actor.role or Role.CASEWORKER), 0)
    chosen = MailTimes(row.digest_time, tuple(row.digest_days), row.quiet_from, row.quiet_until, row.at_once)
    return ReaderTimes(chosen, row.version)


def change_mail_times(command: Command, chosen: MailTimes) -> None:
    """Save the account's own times; its next digest comes by them, and never a second on one day.

    Raises InvalidInput for times that can't be, StaleVersion when they were changed since the page was opened.
    """
    _check(chosen)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        user_id = command.actor.user_id
        before = session.scalar(
            select(MailPreference).where(MailPreference.user_id == user_id).with_for_update()
        )
        version = before.version if before else 0
        if command.version is not None and command.version != version:
            raise StaleVersion(_STALE)
        values = {
            "digest_time": chosen.digest_time,
            "digest_days": sorted(set(chosen.digest_days)),
            "quiet_from": chosen.quiet_from,
            "quiet_until": chosen.quiet_until,
            "at_once": chosen.at_once,
            "changed_at": command.at,
            "version": version + 1,
        }
        saved = session.execute(
            insert(MailPreference)
            .values(user_id=user_id, **values)
            .on_conflict_do_update(
                index_elements=["user_id"], set_=values, where=MailPreference.version == version
            )
            .returning(MailPreference.version)
        ).first()
        if saved is None:
            raise StaleVersion(_STALE)
        record_audit(session, "mail_times.changed", digest_time=chosen.digest_time.isoformat("minutes"))
        with as_service(session):
            _plan_anew(session, user_id, chosen, command.at)


def _check(chosen: MailTimes) -> None:
    if not chosen.digest_days or not set(chosen.digest_days) <= set(range(7)):
        message = "Choose at least one day for the summary"
        raise InvalidInput(message, fields={"digest_days": message})
    if (chosen.quiet_from is None) is not (chosen.quiet_until is None):
        message = "Say when the quiet hours begin and when they end"
        raise InvalidInput(message, fields={"quiet_until": message})
    if chosen.quiet_from is not None and chosen.quiet_from == chosen.quiet_until:
        message = "Quiet hours must end at another time than they begin"
        raise InvalidInput(message, fields={"quiet_until": message})


def _plan_anew(session: Session, user_id: UUID | None, chosen: MailTimes, at: datetime) -> None:
    schedule = session.scalar(
        select(DigestSchedule).where(DigestSchedule.user_id == user_id).with_for_update()
    )
    if schedule is not None:
        schedule.next_at = plan_digest(chosen, at, schedule.last_on)
