"""Reminders of appointments, the day before: only to whom has said that they want them, by a way that is safe.

Made by the sweep, from the appointments that providers keep. For each time of an appointment one message is made; one
that moves is another time. After abuse, or at a high risk, none leaves by itself: a caseworker has a task instead.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from uuid import UUID

import structlog
from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound
from victim_gateway.models import (
    OnwardReferral,
    Person,
    Referral,
    SafeContactPlan,
    ServiceAppointment,
    VictimMessage,
)
from victim_gateway.queries.people.safe_contact_plans import is_plan_in_force
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.rules.victim_message_gate import next_leaving, refuse_message
from victim_gateway.service_record_vocabulary import AppointmentState
from victim_gateway.services.shared import case_locks
from victim_gateway.services.shared.command import Command
from victim_gateway.services.victim_messages import settling
from victim_gateway.services.victim_messages.asking import address_message, judge_as_asked, new_message
from victim_gateway.services.victim_messages.gate_facts import MessageSubject, open_subject
from victim_gateway.victim_message_vocabulary import MessageRefusal, VictimMessageKind, VictimMessageState
from victim_gateway.vocabulary import Channel, SafeAnswer, TaskName

log = structlog.get_logger()
_AT_ONCE = 200
# The channel of a reminder is the first of these that is safe; it is never another one afterwards.
_CHANNELS = (Channel.SMS, Channel.EMAIL)


def remind_of_appointments(command: Command) -> int:
    """Make the reminders of tomorrow's appointments; how many messages were made. Safe to run twice at once."""
    with transaction(command.actor) as session:
        due = session.execute(_tomorrows(command.at)).all()
    made = 0
    for row in due:
        try:
            made += _remind(command, row.id, row.referral_id, row.person_id)
        except Exception as error:
            # One damaged record must not keep the others from being reminded.
            log.error("appointment_reminders.failed", appointment=str(row.id), error=type(error).__name__)
    return made


def _tomorrows(at: datetime) -> Select[UUID, UUID, UUID]:
    tomorrow = times.london_date(at) + timedelta(days=1)
    begins, ends = (
        times.from_london_wall(datetime.combine(day, time()))
        for day in (tomorrow, tomorrow + timedelta(days=1))
    )
    made = exists().where(
        VictimMessage.appointment_id == ServiceAppointment.id,
        VictimMessage.about_at == ServiceAppointment.starts_at,
        # What a change cancelled is made again, if it passes the gate as things stand now.
        VictimMessage.state != VictimMessageState.CANCELLED,
    )
    has_channel = func.cardinality(SafeContactPlan.safe_channels) > 0
    return (
        select(ServiceAppointment.id, Referral.id.label("referral_id"), Referral.person_id)
        .join(OnwardReferral, OnwardReferral.id == ServiceAppointment.onward_referral_id)
        .join(Referral, Referral.id == OnwardReferral.referral_id)
        .join(SafeContactPlan, is_plan_in_force(Referral.person_id))
        .where(
            ServiceAppointment.state == AppointmentState.PLANNED,
            ServiceAppointment.starts_at >= begins,
            ServiceAppointment.starts_at < ends,
            OnwardReferral.state.in_(LIVE_ONWARD_STATES),
            SafeContactPlan.safe == SafeAnswer.YES,
            has_channel,
            ~made,
        )
        .order_by(ServiceAppointment.starts_at, ServiceAppointment.id)
        .limit(_AT_ONCE)
    )


def _remind(command: Command, appointment_id: UUID, referral_id: UUID, person_id: UUID) -> bool:
    with transaction(command.actor) as session:
        case_locks.lock_person_referrals(session, person_id)
        session.execute(select(Person.id).where(Person.id == person_id).with_for_update())
        referral = session.get_one(Referral, referral_id, populate_existing=True)
        appointment = session.get_one(ServiceAppointment, appointment_id, populate_existing=True)
        try:
            subject = open_subject(session, referral)
        except NotFound:
            return False
        channel = _channel_of(subject)
        if subject.contact.document.get("wants_reminders") is not True or channel is None:
            return False
        return _make(session, command.at, subject, appointment, channel)


def _make(
    session: Session,
    at: datetime,
    subject: MessageSubject,
    appointment: ServiceAppointment,
    channel: Channel,
) -> bool:
    made = exists().where(
        VictimMessage.appointment_id == appointment.id,
        VictimMessage.about_at == appointment.starts_at,
        VictimMessage.state != VictimMessageState.CANCELLED,
    )
    if session.scalar(select(made)):
        return False
    message = new_message(subject, VictimMessageKind.APPOINTMENT_TOMORROW, channel, at=at)
    message.appointment_id, message.about_at = appointment.id, appointment.starts_at
    # The words say "tomorrow": they are right until midnight.
    message.expires_at = times.from_london_wall(
        datetime.combine(times.london_date(at) + timedelta(days=1), time())
    )
    recipient, facts = judge_as_asked(session, message, subject, at=at)
    address_message(session, message, subject, recipient)
    refusal = refuse_message(facts)
    leaves_at = next_leaving(facts.window, channel, at, before=message.expires_at)
    session.add(message)
    session.flush()
    if refusal not in (None, MessageRefusal.OUTSIDE_WINDOW):
        settling.refuse_in_claim(session, message, refusal, at=at)
    elif leaves_at is None:
        settling.refuse_in_claim(session, message, MessageRefusal.EXPIRED, at=at)
    else:
        message.not_before = message.next_try_at = leaves_at
        enqueue_task(session, TaskName.SEND_VICTIM_MESSAGE, at)
    return True


def _channel_of(subject: MessageSubject) -> Channel | None:
    safe = subject.plan.safe_channels if subject.plan else ()
    return next((channel for channel in _CHANNELS if channel.value in safe), None)
