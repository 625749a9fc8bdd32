"""Questions about us and letters as they leave, and what an import does to what waits."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from tests.factories import casework as make
from tests.factories import victim_messages as messages
from tests.factories.feeds import feed_row
from tests.factories.imports import IMPORTED_AT, import_rows, imported_referral
from tests.plumbing.apps import Owner
from tests.plumbing.notify import StandIn
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import Referral, Task, VictimMessage
from victim_gateway.rules.safe_contact import CHANNELS_OF_DETAIL
from victim_gateway.services.referrals.survey_links import open_survey_link
from victim_gateway.services.victim_messages import sending
from victim_gateway.services.victim_messages.asking import new_message
from victim_gateway.services.victim_messages.gate_facts import open_subject
from victim_gateway.victim_message_vocabulary import VictimMessageKind, VictimMessageState
from victim_gateway.vocabulary import Channel, SurveyStage, TaskKind

STATE = VictimMessageState
WORKER = Actor.worker("tests")


def reached(texter: Actor) -> UUID:
    """An adult at standard risk who was reached, and whom texts, e-mails and letters may reach."""
    ago = times.now() - timedelta(hours=3)
    referral_id = make.assessed(texter, at=ago)
    plan = messages.safe_to_text(same_details=tuple(CHANNELS_OF_DETAIL))
    make.record_plan(referral_id, texter, plan, at=ago + timedelta(hours=2))
    return referral_id


def test_questions_leave_with_a_link_that_only_the_accepted_message_has(
    texter: Actor, worker: Actor, stand_in: StandIn, committed_owner: Owner
) -> None:
    message_id = messages.ask(
        reached(texter),
        texter,
        at=times.now(),
        kind=VictimMessageKind.SURVEY,
        stage=SurveyStage.AFTER_FIRST_CONTACT,
        checked=("read_plan",),
    )
    assert sending.send_due_victim_messages(actor=worker, at=times.now()).accepted == 1
    (taken,) = stand_in.taken()
    found = re.search(r"/answers/([\w-]+)$", taken["body"])
    assert found is not None
    assert not open_survey_link(found[1], actor=Actor.signing_in("192.0.2.7"), at=times.now()).is_answered
    row = messages.message(message_id, committed_owner)
    assert found[1].encode() not in b"".join((row.sealed, row.detail_hash, row.reference.encode()))


def test_a_letter_goes_to_the_address_alone_and_names_nobody(
    texter: Actor, worker: Actor, stand_in: StandIn, committed_owner: Owner
) -> None:
    referral_id = reached(texter)
    messages.ask(
        referral_id,
        texter,
        at=times.now(),
        channel=Channel.POST,
        kind=VictimMessageKind.RIGHTS_LETTER,
    )
    assert sending.send_due_victim_messages(actor=worker, at=times.now()).accepted == 1
    (taken,) = stand_in.taken()
    lines = [taken["recipient"][f"address_line_{number}"] for number in (1, 2, 3)]
    assert lines[0].endswith("Mill Lane") and lines[1] == "Stafford" and lines[2].startswith("ST16")
    assert "Testcase" not in str(taken) and "Robin" not in str(taken)


def test_an_import_that_changes_how_a_person_is_reached_cancels_what_waits_and_asks_a_caseworker(
    texter: Actor, committed_owner: Owner
) -> None:
    row = feed_row(safe_to_contact="yes", preferred_contact="sms", phone="07700 900456")
    import_rows(row)
    referral_id = imported_referral(row).id
    with transaction(WORKER) as session:
        subject = open_subject(session, session.get_one(Referral, referral_id))
        message = new_message(subject, VictimMessageKind.TRIED_TO_REACH, Channel.SMS, at=times.now())
        message.asked_by_id, message.is_by_hand = texter.user_id, True
        session.add(message)
    import_rows({**row, "phone": "07700 900457"}, at=IMPORTED_AT + timedelta(hours=1))
    with committed_owner() as session:
        assert session.scalars(select(VictimMessage.state)).one() is STATE.CANCELLED
        kinds = session.scalars(
            select(Task.kind).where(Task.referral_id == referral_id, Task.done_at.is_(None))
        )
        assert TaskKind.MESSAGE_TO_PERSON in set(kinds)
