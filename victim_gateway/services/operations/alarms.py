"""Tell whoever operates the service that work stands still: a line in the log and one e-mail for each cause.

Once when it begins and once when it has ended. The scheduler and every worker look, so that each notices when the
other has died; a look by two at once says everything once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parseaddr

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from config import Settings
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.integrations.mail import (
    Mail,
    MailDeliveryUnknown,
    MailProblem,
    MailServer,
    mail_server,
)
from victim_gateway.models import Message, Outbox, ParkedMessage, ServiceAlarm
from victim_gateway.queries.operations.delivery_watch import (
    LATE,
    failing_messages,
    late_messages_to_people,
    process_beats,
    watch_counts,
)
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.alarm_causes import WatchedState, find_alarm_causes
from victim_gateway.services.messages.send_checks import is_invented_address
from victim_gateway.vocabulary import AlarmCause, MessageState, ProcessPart

log = structlog.get_logger()

ALARM_TEXTS: Mapping[AlarmCause, tuple[str, str]] = {
    AlarmCause.MAIL_IS_LATE: ("E-mails to staff are late", "reminders-are-late"),
    AlarmCause.PEOPLE_MESSAGES_LATE: ("Messages to people are late", "a-message-to-a-person-failed"),
    AlarmCause.WORKER_SILENT: ("No worker answers", "reminders-are-late"),
    AlarmCause.SCHEDULER_SILENT: ("The scheduler does not answer", "reminders-are-late"),
    AlarmCause.EMAILS_PARKED: ("E-mails or queue items wait for a person", "queue-items-are-parked"),
    AlarmCause.EMAILS_FAIL: ("E-mails can not be delivered", "an-email-could-not-be-delivered"),
}
_CLAIM = timedelta(minutes=2)
_AGAIN = timedelta(minutes=1)


def look_for_alarms(settings: Settings, *, watched_since: datetime, actor: Actor, at: datetime) -> int:
    """One look: begin and end alarms, log them, and send the e-mails that are due; how many alarms are open."""
    silent_after = timedelta(seconds=settings.alarm_after_s)
    with transaction(actor) as session:
        state = _read_state(session, settings, watched_since, at)
        causes = find_alarm_causes(state, at, silent_after)
        began = _begin(session, causes, _may_mail(settings), at)
        ended = _end(session, causes, _may_mail(settings), at)
    for cause in began:
        log.error("alarm.began", cause=cause.value, count=causes[cause])
    for cause in ended:
        log.warning("alarm.ended", cause=cause.value)
    _send_due(settings, actor, at)
    return len(causes)


def _read_state(session: Session, settings: Settings, watched_since: datetime, at: datetime) -> WatchedState:
    late = 0
    if settings.smtp_url is not None:
        counts = watch_counts(session, at, timedelta(seconds=settings.alarm_after_s))
        late = next(row.count for row in counts if row.what == LATE)
    people_late = 0
    # Where nothing carries them they stand on the page Outbox, and expire.
    if settings.notify_api_key is not None:
        people_late = late_messages_to_people(session, at, timedelta(seconds=settings.alarm_after_s))
    beats = process_beats(session)
    worker, scheduler = (beats.get(part) for part in (ProcessPart.WORKER, ProcessPart.SCHEDULER))
    return WatchedState(
        late=late,
        parked=_parked(session),
        failing=failing_messages(session, at) if settings.smtp_url is not None else 0,
        worker_at=worker.last_at if worker else None,
        scheduler_at=scheduler.last_at if scheduler else None,
        scheduler_since=scheduler.since_at if scheduler else None,
        watched_since=watched_since,
        people_late=people_late,
    )


def _parked(session: Session) -> int:
    kinds = (
        select(func.count()).select_from(Message).where(Message.state == MessageState.PARKED),
        select(func.count()).select_from(ParkedMessage).where(ParkedMessage.discarded_at.is_(None)),
        select(func.count()).select_from(Outbox).where(Outbox.parked_at.is_not(None)),
    )
    return sum(session.scalar(kind) or 0 for kind in kinds)


def _begin(
    session: Session, causes: Mapping[AlarmCause, int], may_mail: bool, at: datetime
) -> list[AlarmCause]:
    began = []
    for cause, count in causes.items():
        row = session.execute(
            insert(ServiceAlarm)
            .values(
                id=new_row_id(),
                cause=cause,
                count=count,
                began_at=at,
                next_mail_at=at if may_mail else None,
            )
            .on_conflict_do_nothing()
            .returning(ServiceAlarm.id)
        ).first()
        began += [cause] if row else []
    return began


def _end(
    session: Session, causes: Mapping[AlarmCause, int], may_mail: bool, at: datetime
) -> list[AlarmCause]:
    values = {"ended_at": func.greatest(at, ServiceAlarm.began_at)} | (
        {"next_mail_at": at} if may_mail else {}
    )
    return list(
        session.scalars(
            update(ServiceAlarm)
            .where(ServiceAlarm.ended_at.is_(None), ServiceAlarm.cause.not_in(list(causes)))
            .values(**values)
            .returning(ServiceAlarm.cause)
        )
    )


def _may_mail(settings: Settings) -> bool:
    address = settings.operations_email
    if settings.smtp_url is None or address is None:
        return False
    return settings.is_production or is_invented_address(address)


def _send_due(settings: Settings, actor: Actor, at: datetime) -> None:
    server = mail_server(settings.smtp_url)
    if server is None or not _may_mail(settings):
        return
    with transaction(actor) as session:
        claimed = session.scalars(
            update(ServiceAlarm)
            .where(ServiceAlarm.next_mail_at <= at)
            .values(next_mail_at=at + _CLAIM)
            .returning(ServiceAlarm)
        ).all()
        session.expunge_all()
    for alarm in claimed:
        _tell(server, settings, alarm, actor, at)


def _tell(server: MailServer, settings: Settings, alarm: ServiceAlarm, actor: Actor, at: datetime) -> None:
    """Send the e-mail of a beginning, or of an end; one that began and ended unsaid has both, one after the other."""
    is_end = alarm.began_mailed_at is not None
    if is_end and (alarm.ended_at is None or alarm.ended_mailed_at is not None):
        values: dict[str, datetime | None] = {"next_mail_at": None}
    else:
        try:
            server.send_mail(_mail(settings, alarm, is_end=is_end, at=at))
        except MailDeliveryUnknown:
            # Better said once too rarely than a flood: the page shows it too.
            pass
        except MailProblem as problem:
            log.error("alarm.not_mailed", cause=alarm.cause.value, problem=str(problem))
            _settle(actor, alarm, {"next_mail_at": at + _AGAIN})
            return
        said = "ended_mailed_at" if is_end else "began_mailed_at"
        is_last = is_end or alarm.ended_at is None
        values = {said: at, "next_mail_at": None if is_last else at}
    _settle(actor, alarm, values)


def _settle(actor: Actor, alarm: ServiceAlarm, values: Mapping[str, datetime | None]) -> None:
    """Unless it has ended meanwhile: then that is still to be said."""
    with transaction(actor) as session:
        row = session.get_one(ServiceAlarm, alarm.id, with_for_update=True)
        for name, value in values.items():
            setattr(row, name, value)
        if row.next_mail_at is None and row.ended_at is not None and row.ended_mailed_at is None:
            row.next_mail_at = row.ended_at


def _mail(settings: Settings, alarm: ServiceAlarm, *, is_end: bool, at: datetime) -> Mail:
    title, runbook = ALARM_TEXTS[alarm.cause]
    moment = alarm.ended_at if is_end else alarm.began_at
    lines = [
        f"{title}." if not is_end else f"It has ended: {title[0].lower()}{title[1:]}.",
        f"{'Ended' if is_end else 'Noticed'} at {moment:%Y-%m-%d %H:%M} UTC.",
        "",
        f"What to do: docs/runbooks/{runbook}.md",
        f"{settings.public_url}/system/delivery",
        "",
    ]
    domain = parseaddr(settings.mail_from)[1].rpartition("@")[2] or "localhost"
    return Mail(
        message_id=f"<alarm-{alarm.id}-{'end' if is_end else 'begin'}@{domain}>",
        sender=settings.mail_from,
        recipient=settings.operations_email or "",
        subject=f"Victim Gateway: {'ended, ' if is_end else ''}{title[0].lower()}{title[1:]}",
        body="\n".join(lines),
        at=at,
    )
