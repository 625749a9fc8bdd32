"""A message leaves once, only while it is safe, and what became of it is never guessed."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.factories import casework as make
from tests.factories import victim_messages as messages
from tests.plumbing.apps import Owner
from tests.plumbing.notify import StandIn
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.services.victim_messages import sending
from victim_gateway.victim_message_vocabulary import MessageRefusal, VictimMessageState
from victim_gateway.vocabulary import Channel, SafeAnswer, TaskKind

STATE = VictimMessageState


def send(worker: Actor, *, later: timedelta = timedelta()) -> sending.VictimSendingResult:
    return sending.send_due_victim_messages(actor=worker, at=times.now() + later)


def lease_over(owner: Owner, *, minutes: int = 2) -> None:
    """So many minutes go by since the request and since Notify was asked first: others may ask what became of it."""
    with owner() as session:
        session.execute(
            text(
                "UPDATE victim_message SET leased_until = now() - interval '1 second',"
                " claimed_at = claimed_at - :gone, missing_since = missing_since - :gone WHERE state = 'sending'"
            ),
            {"gone": timedelta(minutes=minutes)},
        )


def due_now(owner: Owner) -> None:
    with owner() as session:
        session.execute(
            text("UPDATE victim_message SET next_try_at = now() - interval '1 second' WHERE state = 'queued'")
        )


def test_it_leaves_once_with_the_approved_words_and_nothing_of_the_person(
    texter: Actor, worker: Actor, stand_in: StandIn, committed_owner: Owner
) -> None:
    message_id = messages.asked(texter, at=times.now())
    assert send(worker).accepted == 1
    assert send(worker).accepted == 0
    (taken,) = stand_in.taken()
    assert taken["body"] == "We tried to call you. There is nothing you need to do: we will try again."
    row = messages.message(message_id, committed_owner)
    assert (row.state, row.deliveries, row.template_version) == (STATE.ACCEPTED, 1, 1)
    assert taken["reference"] == row.reference and str(row.notify_id) == taken["id"]
    assert taken["recipient"].startswith("+447700900")
    referral_id = messages.referral_of(message_id, committed_owner).id
    assert {"message_to_person.asked", "message_to_person.left"} <= set(
        make.events_of(referral_id, texter, "story")
    )


@pytest.mark.parametrize("behaviour", [{"cut_after": True}, {"fault_after": 500}])
def test_an_answer_that_is_lost_is_asked_about_and_the_message_is_not_sent_again(
    texter: Actor, worker: Actor, stand_in: StandIn, committed_owner: Owner, behaviour: dict[str, object]
) -> None:
    message_id = messages.asked(texter, at=times.now())
    stand_in.behave(**behaviour)
    assert send(worker).put_off == 1
    assert messages.state_of(message_id, committed_owner) is STATE.SENDING
    stand_in.behave()
    assert send(worker).found == 0, "the lease holds"
    lease_over(committed_owner)
    assert send(worker).found == 1
    assert messages.state_of(message_id, committed_owner) is STATE.ACCEPTED
    assert len(stand_in.taken()) == 1


def test_what_was_cut_before_it_was_taken_is_sent_again_after_notify_was_asked(
    texter: Actor, worker: Actor, stand_in: StandIn, committed_owner: Owner
) -> None:
    referral_id = messages.missed(texter, at=times.now())
    message_id = messages.ask(referral_id, texter, at=times.now(), channel=Channel.EMAIL)
    stand_in.behave(cut_before=True)
    assert send(worker).put_off == 1
    lease_over(committed_owner)
    stand_in.behave(refuse_reading=503)
    send(worker)
    assert messages.state_of(message_id, committed_owner) is STATE.SENDING, "nobody knows yet"
    stand_in.behave()
    for _ in range(2):
        lease_over(committed_owner, minutes=20)
        send(worker)
    assert messages.state_of(message_id, committed_owner) is STATE.QUEUED
    due_now(committed_owner)
    assert send(worker).accepted == 1
    assert messages.message(message_id, committed_owner).deliveries == 2
    assert len(stand_in.taken()) == 1


def test_after_five_tries_a_person_looks_and_a_refusal_is_a_task_at_once(
    texter: Actor, worker: Actor, stand_in: StandIn, committed_owner: Owner
) -> None:
    message_id = messages.asked(texter, at=times.now())
    stand_in.behave(refuse=429)
    for _ in range(5):
        assert send(worker).put_off == 1
        due_now(committed_owner)
    assert messages.state_of(message_id, committed_owner) is STATE.PARKED
    referral_id = messages.referral_of(message_id, committed_owner).id
    assert TaskKind.MESSAGE_TO_PERSON in make.open_tasks(referral_id, texter)
    assert send(worker).put_off == 0

    other_id = messages.asked(texter, at=times.now())
    stand_in.behave(refuse=400)
    assert send(worker).failed == 1
    assert messages.state_of(other_id, committed_owner) is STATE.FAILED
    assert TaskKind.MESSAGE_TO_PERSON in make.open_tasks(
        messages.referral_of(other_id, committed_owner).id, texter
    )
    assert stand_in.taken() == []


def test_while_notify_is_away_nothing_is_lost_and_nothing_is_given_up(
    texter: Actor, worker: Actor, stand_in: StandIn, committed_owner: Owner
) -> None:
    message_id = messages.asked(texter, at=times.now())
    stand_in.kill()
    for _ in range(3):
        assert send(worker).accepted == 0
    row = messages.message(message_id, committed_owner)
    assert (row.state, row.deliveries) == (STATE.QUEUED, 0)
    stand_in.start()
    assert send(worker).accepted == 1


@pytest.mark.parametrize(
    ("template", "refusal"),
    [({"body": "This is Victim Gateway. Call us."}, MessageRefusal.TEMPLATE_DIFFERS)],
)
def test_another_wording_at_notify_shuts_the_gate(
    texter: Actor,
    worker: Actor,
    stand_in: StandIn,
    committed_owner: Owner,
    texting_settings: object,
    template: dict[str, str],
    refusal: MessageRefusal,
) -> None:
    message_id = messages.asked(texter, at=times.now())
    template_id = texting_settings.area.messages.template_id("tried_to_reach.sms")  # type: ignore[attr-defined]
    changed = {"id": template_id, "type": "sms", "version": 2, "subject": None, **template}
    stand_in.behave(templates={template_id: changed})
    assert send(worker).not_sent == 1
    row = messages.message(message_id, committed_owner)
    assert (row.state, row.refusal) == (STATE.REFUSED, refusal)
    assert stand_in.taken() == []


def test_a_plan_that_changes_cancels_what_waits(
    texter: Actor, worker: Actor, stand_in: StandIn, committed_owner: Owner
) -> None:
    message_id = messages.asked(texter, at=times.now())
    referral_id: UUID = messages.referral_of(message_id, committed_owner).id
    make.record_plan(
        referral_id, texter, messages.safe_to_text(channels={"phone": SafeAnswer.YES}), at=times.now()
    )
    assert messages.state_of(message_id, committed_owner) is STATE.CANCELLED
    assert send(worker).accepted == 0
    assert stand_in.taken() == []


def test_a_damaged_record_holds_nobody_up_and_is_put_before_a_person_after_five_tries(
    texter: Actor, worker: Actor, stand_in: StandIn, committed_owner: Owner
) -> None:
    damaged_id = messages.asked(texter, at=times.now())
    with committed_owner() as session:
        session.execute(text("UPDATE safe_contact_plan SET sealed = 'damaged' WHERE superseded_at IS NULL"))
    whole_id = messages.asked(texter, at=times.now())
    for _ in range(5):
        send(worker)
        due_now(committed_owner)
    assert messages.state_of(whole_id, committed_owner) is STATE.ACCEPTED
    row = messages.message(damaged_id, committed_owner)
    assert row.state is STATE.PARKED
    assert (row.problem or "").startswith("could not be judged")
    assert stand_in.references() == [messages.message(whole_id, committed_owner).reference]
