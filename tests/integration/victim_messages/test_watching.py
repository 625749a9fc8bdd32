"""Messages to people are watched beside the e-mails to staff: counts by reason, and an alarm when they are late."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from config import Settings
from tests.factories import victim_messages as messages
from tests.plumbing.apps import Owner
from tests.plumbing.notify import StandIn
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import ServiceAlarm, VictimMessage
from victim_gateway.rules.victim_message_gate import REFUSAL_TEXTS
from victim_gateway.services.operations.alarms import look_for_alarms
from victim_gateway.services.operations.delivery_state import read_delivery_state
from victim_gateway.victim_message_vocabulary import MessageRefusal, VictimMessageState
from victim_gateway.vocabulary import AlarmCause


def test_what_the_gate_kept_back_is_counted_by_its_reason(
    texter: Actor, worker: Actor, texting_settings: Settings, committed_owner: Owner
) -> None:
    message_id = messages.asked(texter, at=times.now())
    with committed_owner() as session:
        row = session.get_one(VictimMessage, message_id)
        row.state, row.refusal, row.ended_at = (
            VictimMessageState.REFUSED,
            MessageRefusal.SUSPECTS_DETAIL,
            times.now(),
        )
    state = read_delivery_state(texting_settings, actor=worker, at=times.now())
    refused = [row for row in state.counts if row.what == "people_refused"]
    reason = REFUSAL_TEXTS[MessageRefusal.SUSPECTS_DETAIL].reason
    assert [(row.count, row.why) for row in refused] == [(1, reason)]


def test_a_message_to_a_person_that_is_late_is_an_alarm_until_it_has_left(
    texter: Actor, worker: Actor, texting_settings: Settings, stand_in: StandIn, committed_owner: Owner
) -> None:
    message_id = messages.asked(texter, at=times.now())

    def causes(after: timedelta) -> set[AlarmCause]:
        at = times.now() + after
        look_for_alarms(texting_settings, watched_since=at, actor=worker, at=at)
        with committed_owner() as session:
            found = session.scalars(select(ServiceAlarm.cause).where(ServiceAlarm.ended_at.is_(None)))
            return set(found)

    with committed_owner() as session:
        row = session.get_one(VictimMessage, message_id)
        row.not_before = row.next_try_at = times.now()
    assert AlarmCause.PEOPLE_MESSAGES_LATE not in causes(timedelta(minutes=1))
    assert AlarmCause.PEOPLE_MESSAGES_LATE in causes(timedelta(minutes=6))
    with committed_owner() as session:
        session.get_one(VictimMessage, message_id).state = VictimMessageState.CANCELLED
    assert AlarmCause.PEOPLE_MESSAGES_LATE not in causes(timedelta(minutes=7))
