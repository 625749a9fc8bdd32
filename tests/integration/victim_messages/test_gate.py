"""At the moment of sending everything is asked anew: whatever changed since shuts the gate, and no number leaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from config.area_profile import shipped_areas
from tests.factories import casework as make
from tests.factories import victim_messages as messages
from tests.factories.casework import DAY, HOUR, MONDAY
from tests.factories.sealed_documents import seal_documents
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.current import current_blind_index, current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.devservers.notify_stand_in import STAND_IN_KEY, approved_templates
from victim_gateway.errors import (
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleVersion,
    TransitionNotAllowed,
    UnsafeContact,
)
from victim_gateway.integrations.notify import NotifyClient
from victim_gateway.models import AuditEntry, Person, Referral, SuspectContact, Task, VictimMessage
from victim_gateway.phone_numbers import phone_hash
from victim_gateway.queries.victim_messages.lists import stuck_messages
from victim_gateway.rules.safe_contact import CHANNELS_OF_DETAIL
from victim_gateway.rules.victim_message_texts import TEXTS_BY_CODE, TemplateAtNotify
from victim_gateway.services.referrals import corrections, merged_people, person_links, status
from victim_gateway.services.referrals.consents import ConsentAnswer, record_consent
from victim_gateway.services.shared.command import Command
from victim_gateway.services.victim_messages import asking, sending
from victim_gateway.services.victim_messages.carriers import MessageCarriers
from victim_gateway.services.victim_messages.claims import Claim, ClaimOutcome, claim_victim_message
from victim_gateway.victim_message_vocabulary import MessageRefusal, VictimMessageKind, VictimMessageState
from victim_gateway.vocabulary import (
    Channel,
    CloseOutcome,
    ConsentHow,
    ConsentPurpose,
    LinkRole,
    ReferralState,
    Risk,
    Role,
    SafeAnswer,
    TaskKind,
)

STATE = VictimMessageState
WORKER = Actor.worker("tests")
LATER = MONDAY + 4 * HOUR


def carriers() -> MessageCarriers:
    """Notify that nobody asks here, with the templates as they should be."""
    templates = {
        str(each["name"]): TemplateAtNotify(
            str(each["id"]), str(each["type"]), int(each["version"]), str(each["body"]), each["subject"]
        )
        for each in approved_templates("staffordshire").values()
    }
    return MessageCarriers(NotifyClient(STAND_IN_KEY, "http://127.0.0.1:9"), None, templates)


def claim(at: datetime = LATER) -> Claim:
    with transaction(WORKER) as session:
        return claim_victim_message(session, carriers(), at=at)


def person_of(referral_id: UUID, owner: Owner) -> UUID:
    with owner() as session:
        return session.scalars(select(Referral.person_id).where(Referral.id == referral_id)).one()


@pytest.fixture
def waiting(app: Flask, caseworker: Actor) -> tuple[UUID, UUID]:
    """A referral and the message that waits on it."""
    referral_id = messages.missed(caseworker, at=LATER)
    return referral_id, messages.ask(referral_id, caseworker, at=LATER)


def test_it_is_let_through_with_its_number_in_one_spelling(waiting: tuple[UUID, UUID]) -> None:
    claimed = claim()
    assert claimed.outcome is ClaimOutcome.CLAIMED and claimed.message is not None
    assert str(claimed.message.recipient).startswith("+447700900")
    assert dict(claimed.message.values) == {}
    assert claim().outcome is ClaimOutcome.NOTHING_DUE


SPELLINGS = (
    "07700 900{n}",
    "+44 7700 900{n}",
    "00447700900{n}",
    "(07700) 900-{n}",
    "+44 (0)7700 900{n}",
    "07700.900.{n}",
    "\uff10\uff17\uff17\uff10\uff10 \uff19\uff10\uff10{n}",
    " +447700900{n} ",
)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_suspects_number_in_any_spelling_lets_nothing_leave(
    caseworker: Actor, owner: Owner, spelling: str, is_recorded: bool
) -> None:
    referral_id = messages.missed(caseworker, at=LATER, person=make.person_document(phone="07700 900123"))
    message_id = messages.ask(referral_id, caseworker, at=LATER)
    number, person_id = spelling.format(n="123"), person_of(referral_id, owner)
    if is_recorded:
        person_links.record_suspect_contact(
            Command(caseworker, LATER), person_id, phone=number, email=None, whose=LinkRole.SUSPECT
        )
        assert messages.state_of(message_id, owner) is STATE.CANCELLED
        assert claim().outcome is ClaimOutcome.NOTHING_DUE
        return
    # Past every service that would have cancelled it: the gate itself looks.
    with transaction(WORKER) as session:
        hashed = phone_hash(current_blind_index(session), number)
    with owner() as session:
        session.add(
            SuspectContact(
                person_id=person_id,
                kind="phone",
                value_hash=hashed,
                whose=LinkRole.SUSPECT,
                recorded_at=LATER,
                recorded_by_id=caseworker.user_id,
            )
        )
    assert claim().outcome is ClaimOutcome.NOT_SENT
    row = messages.message(message_id, owner)
    assert (row.state, row.refusal) == (STATE.REFUSED, MessageRefusal.SUSPECTS_DETAIL)
    assert TaskKind.MESSAGE_TO_PERSON in make.open_tasks(referral_id, caseworker)


Change = Callable[[UUID, Owner], None]


def _set_referral(**values: object) -> Change:
    def change(referral_id: UUID, owner: Owner) -> None:
        with owner() as session:
            session.execute(update(Referral).where(Referral.id == referral_id).values(**values))

    return change


def _seal_person(**values: object) -> Change:
    return lambda referral_id, owner: seal_documents(referral_id, person=dict(values))


def _seal_referral(**values: object) -> Change:
    return lambda referral_id, owner: seal_documents(referral_id, referral=dict(values))


def _plan(statement: str) -> Change:
    def change(referral_id: UUID, owner: Owner) -> None:
        with owner() as session:
            session.execute(
                text(
                    f"UPDATE safe_contact_plan SET {statement} WHERE superseded_at IS NULL AND person_id = :id"
                ),  # noqa: S608  statements that the test lists
                {"id": session.scalars(select(Referral.person_id).where(Referral.id == referral_id)).one()},
            )

    return change


def _erase(referral_id: UUID, owner: Owner) -> None:
    with owner() as session:
        person_id = select(Referral.person_id).where(Referral.id == referral_id).scalar_subquery()
        session.execute(update(Person).where(Person.id == person_id).values(erased_at=LATER))


R = MessageRefusal
CHANGES: list[tuple[str, Change, MessageRefusal]] = [
    ("erased", _erase, R.ERASED),
    ("died", _seal_person(deceased=True), R.DIED),
    ("taken back", _seal_referral(withdrawn=True), R.WITHDRAWN_BY_FORCE),
    (
        "closed",
        _set_referral(state=ReferralState.CLOSED, outcome="other", closed_at=LATER),
        R.REFERRAL_NOT_OPEN,
    ),
    ("abuse", _set_referral(domestic_abuse=True), R.NOT_CONFIRMED),
    ("intimidated", _set_referral(intimidated=True), R.NOT_CONFIRMED),
    ("high risk", _set_referral(risk=Risk.HIGH), R.NOT_CONFIRMED),
    ("officer's grade", _set_referral(officer_grade="high"), R.NOT_CONFIRMED),
    ("risk not judged", _set_referral(risk=Risk.UNKNOWN), R.NOT_CONFIRMED),
    ("child", _seal_person(date_of_birth="2015-05-04"), R.CHILD_OR_AGE_UNKNOWN),
    ("age not known", _seal_person(date_of_birth=None), R.CHILD_OR_AGE_UNKNOWN),
    ("another number", _seal_person(phone="07700 900999"), R.OTHER_DETAIL),
    ("no number", _seal_person(phone=None), R.NO_DETAIL),
    ("no plan", _plan("superseded_at = now()"), R.NO_PLAN),
    ("unsafe", _plan("safe = 'no'"), R.CONTACT_NOT_SAFE),
    ("not said", _plan("safe = 'unknown'"), R.CONTACT_NOT_SAFE),
    ("old plan", _plan("checked_at = checked_at - interval '60 days'"), R.PLAN_TOO_OLD),
    ("newer plan", _plan("version = version + 1"), R.PLAN_CHANGED),
]


@pytest.mark.parametrize(
    ("change", "refusal"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES]
)
def test_whatever_changed_since_it_was_asked_for_shuts_the_gate(
    waiting: tuple[UUID, UUID], owner: Owner, change: Change, refusal: MessageRefusal
) -> None:
    referral_id, message_id = waiting
    change(referral_id, owner)
    assert claim().outcome is ClaimOutcome.NOT_SENT
    row = messages.message(message_id, owner)
    assert (row.state, row.refusal, row.deliveries) == (STATE.REFUSED, refusal, 0)
    with owner() as session:
        entry = session.scalars(
            select(AuditEntry.entry).where(AuditEntry.action == "victim_message.refused")
        ).one()
        assert f'"refusal":"{refusal.value}"' in entry.replace(" ", "")


def test_services_that_change_what_the_gate_reads_cancel_what_waits(
    caseworker: Actor, senior: Actor, owner: Owner
) -> None:
    referral_ids = [messages.missed(caseworker, at=LATER) for _ in range(5)]
    asked = [messages.ask(referral_id, caseworker, at=LATER) for referral_id in referral_ids]
    refused, corrected, linked, merged, closed = referral_ids
    record_consent(
        Command(caseworker, LATER, version=make.referral(refused, caseworker).version),
        refused,
        ConsentAnswer(purpose=ConsentPurpose.SURVEY, agreed=False, how=ConsentHow.BY_PHONE, given_at=LATER),
    )
    corrections.correct_details(
        Command(caseworker, LATER, version=make.referral(corrected, caseworker).version),
        corrected,
        {"phone": "07700 900888"},
        reason="She has another phone",
    )
    other = make.assessed(caseworker)
    person_links.record_link(
        Command(caseworker, LATER),
        person_of(linked, owner),
        other_reference=make.referral(other, caseworker).reference,
        role=LinkRole.SUSPECT,
    )
    merged_people.merge_people(
        Command(senior, LATER),
        person_of(merged, owner),
        person_of(make.assessed(caseworker), owner),
        reason="One",
    )
    close(caseworker, closed)
    assert [messages.state_of(each, owner) for each in asked] == [STATE.CANCELLED] * 5
    assert claim().outcome is ClaimOutcome.NOTHING_DUE


def close(caseworker: Actor, referral_id: UUID) -> None:
    status.close_referral(
        Command(caseworker, LATER, version=make.referral(referral_id, caseworker).version),
        referral_id,
        outcome=CloseOutcome.OTHER,
        text="Moved away",
    )


def test_after_abuse_a_message_needs_a_yes_after_the_warning_and_at_high_risk_another_person(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    abused = messages.missed(caseworker, at=LATER, flags=frozenset({"domestic_abuse"}))
    with pytest.raises(InvalidInput, match="do not send it"):
        messages.ask(abused, caseworker, at=LATER)
    message_id = messages.ask(abused, caseworker, at=LATER, is_warning_confirmed=True)
    assert claim().outcome is ClaimOutcome.CLAIMED
    assert messages.state_of(message_id, owner) is STATE.SENDING

    senior = make_actor(Role.SENIOR)
    in_danger = messages.missed(senior, at=LATER, risk=Risk.HIGH)
    high_id = messages.ask(in_danger, senior, at=LATER, is_warning_confirmed=True)
    assert claim().outcome is ClaimOutcome.NOTHING_DUE
    assert TaskKind.MESSAGE_TO_PERSON in make.open_tasks(in_danger, senior)
    with pytest.raises(NotAllowed):
        asking.agree_to_message(Command(caseworker, LATER), in_danger, high_id)
    with pytest.raises(NotAllowed, match="Another senior"):
        asking.agree_to_message(Command(senior, LATER), in_danger, high_id)
    asking.agree_to_message(Command(make_actor(Role.SENIOR), LATER), in_danger, high_id)
    assert TaskKind.MESSAGE_TO_PERSON not in make.open_tasks(in_danger, senior)
    assert claim().outcome is ClaimOutcome.CLAIMED


def test_asking_passes_the_gate_too(caseworker: Actor, make_actor: MakeActor, owner: Owner) -> None:
    calls_only = messages.missed(
        caseworker, at=LATER, plan=messages.safe_to_text(channels={"phone": SafeAnswer.YES})
    )
    with pytest.raises(UnsafeContact, match="not recorded as a safe way"):
        messages.ask(calls_only, caseworker, at=LATER)
    mail_only = messages.missed(
        caseworker,
        at=LATER,
        plan=messages.safe_to_text(channels={"phone": SafeAnswer.YES, "email": SafeAnswer.YES}),
    )
    with pytest.raises(UnsafeContact, match="not recorded as a safe way"):
        messages.ask(mail_only, caseworker, at=LATER, channel=Channel.EMAIL)
    coded = messages.missed(caseworker, at=LATER, plan=messages.safe_to_text(code_word="heron"))
    with pytest.raises(UnsafeContact, match="code word"):
        messages.ask(coded, caseworker, at=LATER)
    reached = make.assessed(caseworker)
    make.record_plan(
        reached,
        caseworker,
        messages.safe_to_text(same_details=tuple(CHANNELS_OF_DETAIL)),
        at=MONDAY + 2 * HOUR,
    )
    with pytest.raises(UnsafeContact, match="not a call that nobody answered"):
        messages.ask(reached, caseworker, at=LATER)
    fine = messages.missed(caseworker, at=LATER)
    with pytest.raises(StaleVersion):
        messages.ask(fine, caseworker, at=LATER, version=1)
    with pytest.raises(InvalidInput):
        messages.ask(fine, caseworker, at=LATER, kind=VictimMessageKind.APPOINTMENT_TOMORROW)
    messages.ask(fine, caseworker, at=LATER)
    with pytest.raises(TransitionNotAllowed, match="waits already"):
        messages.ask(fine, caseworker, at=LATER, channel=Channel.EMAIL)
    with owner() as session:
        session.execute(update(Referral).where(Referral.id == fine).values(restricted=True))
    with pytest.raises(NotFound):
        messages.ask(fine, make_actor(Role.CASEWORKER), at=LATER)


def test_the_same_is_not_said_twice_within_the_areas_days(
    caseworker: Actor, owner: Owner, waiting: tuple[UUID, UUID]
) -> None:
    referral_id, message_id = waiting
    assert claim().outcome is ClaimOutcome.CLAIMED
    with owner() as session:
        session.execute(
            update(VictimMessage)
            .where(VictimMessage.id == message_id)
            .values(state=STATE.ACCEPTED, leased_until=None, accepted_at=LATER)
        )
    with pytest.raises(UnsafeContact, match="days ago"):
        messages.ask(referral_id, caseworker, at=LATER + DAY)


@pytest.mark.parametrize(
    ("asked_at", "leaves_at"),
    [
        (datetime(2026, 3, 28, 21, tzinfo=UTC), datetime(2026, 3, 29, 8, tzinfo=UTC)),
        (datetime(2026, 10, 24, 20, tzinfo=UTC), datetime(2026, 10, 25, 9, tzinfo=UTC)),
    ],
    ids=["forward", "back"],
)
def test_over_both_changes_of_the_clock_it_waits_for_nine_in_the_morning_in_london(
    caseworker: Actor, owner: Owner, asked_at: datetime, leaves_at: datetime
) -> None:
    plan = messages.safe_to_text(from_time=time(9), until_time=time(17))
    referral_id = messages.missed(caseworker, at=asked_at - 5 * HOUR, plan=plan)
    message_id = messages.ask(referral_id, caseworker, at=asked_at)
    assert messages.message(message_id, owner).next_try_at == leaves_at
    assert claim(leaves_at - timedelta(minutes=1)).outcome is ClaimOutcome.NOTHING_DUE
    assert claim(leaves_at).outcome is ClaimOutcome.CLAIMED


def test_what_became_unsafe_at_that_hour_waits_for_the_next_window(
    waiting: tuple[UUID, UUID], caseworker: Actor, owner: Owner
) -> None:
    referral_id, _ = waiting
    evening = messages.safe_to_text(from_time=time(9), until_time=time(14))
    make.record_plan(referral_id, caseworker, evening, at=LATER)
    message_id = messages.ask(referral_id, caseworker, at=LATER + timedelta(minutes=1))
    assert messages.message(message_id, owner).next_try_at == LATER + timedelta(minutes=1)
    assert claim(LATER + HOUR).outcome is ClaimOutcome.NOT_SENT
    row = messages.message(message_id, owner)
    assert (row.state, row.next_try_at) == (STATE.QUEUED, datetime(2026, 3, 3, 9, tzinfo=UTC))


def test_after_two_days_off_nothing_past_is_sent_and_all_of_it_is_listed_the_gravest_first(
    caseworker: Actor, senior: Actor, owner: Owner
) -> None:
    calm = messages.missed(caseworker, at=LATER)
    abused = messages.missed(caseworker, at=LATER, flags=frozenset({"domestic_abuse"}))
    calm_id = messages.ask(calm, caseworker, at=LATER)
    abused_id = messages.ask(abused, caseworker, at=LATER, is_warning_confirmed=True)
    fresh = messages.missed(caseworker, at=LATER + 2 * DAY)
    fresh_id = messages.ask(fresh, caseworker, at=LATER + 2 * DAY)
    back_at = LATER + 2 * DAY + HOUR
    assert sending.expire_past_messages(actor=WORKER, at=back_at) == 2
    claimed = claim(back_at).message
    assert claimed is not None and claimed.message_id == fresh_id
    assert claim(back_at).outcome is ClaimOutcome.NOTHING_DUE
    with transaction(caseworker) as session:
        stuck = stuck_messages(session)
    assert [each.message_id for each in stuck] == [abused_id, calm_id]
    assert {each.state for each in stuck} == {STATE.EXPIRED}
    with owner() as session:
        rows = session.execute(
            select(Task.referral_id, Task.due_on).where(Task.kind == TaskKind.MESSAGE_TO_PERSON)
        ).all()
    due = {row.referral_id: row.due_on for row in rows}
    assert due[abused] < due[calm], "the same day where the person is in danger"


def test_what_waited_leaves_at_the_areas_pace(app: Flask, caseworker: Actor, owner: Owner) -> None:
    usual = current_settings()
    area = replace(usual.area, messages=replace(usual.area.messages, per_minute=2))
    app.extensions["settings"] = replace(usual, area=area)
    try:
        for _ in range(3):
            messages.asked(caseworker, at=LATER)
        outcomes = [claim(LATER + timedelta(seconds=5)).outcome for _ in range(3)]
        assert outcomes == [ClaimOutcome.CLAIMED, ClaimOutcome.CLAIMED, ClaimOutcome.PACED]
        with owner() as session:
            session.execute(text("UPDATE victim_message SET claimed_at = claimed_at - interval '1 minute'"))
        assert claim(LATER + timedelta(seconds=66)).outcome is ClaimOutcome.CLAIMED
    finally:
        app.extensions["settings"] = usual


def test_outside_production_nobody_else_is_reached(app: Flask, caseworker: Actor, owner: Owner) -> None:
    person = make.person_document(phone="07911 123456")
    referral_id = messages.missed(caseworker, at=LATER, person=person)
    with pytest.raises(UnsafeContact, match="not the live service"):
        messages.ask(referral_id, caseworker, at=LATER)
    usual = current_settings()
    app.extensions["settings"] = replace(usual, notify_allowed_recipients=("+44 7911 123456",))
    try:
        messages.ask(referral_id, caseworker, at=LATER)
        assert claim().outcome is ClaimOutcome.CLAIMED
    finally:
        app.extensions["settings"] = usual


def test_a_copy_that_was_not_released_sends_nothing(
    app: Flask, waiting: tuple[UUID, UUID], owner: Owner
) -> None:
    usual = current_settings()
    app.extensions["settings"] = replace(usual, sends_to_people=False)
    try:
        assert claim().outcome is ClaimOutcome.NOT_SENT
    finally:
        app.extensions["settings"] = usual
    assert messages.message(waiting[1], owner).refusal is MessageRefusal.NOT_RELEASED


def test_the_database_lets_a_message_go_forward_only_and_to_nobody_else(
    waiting: tuple[UUID, UUID], owner: Owner
) -> None:
    assert claim().outcome is ClaimOutcome.CLAIMED
    for statement in (
        "state = 'refused', refusal = 'died', leased_until = NULL",
        "detail_hash = decode('00000000000000000000000000000000', 'hex')",
        "channel = 'email'",
        "reference = 'another'",
    ):
        with pytest.raises(Exception, match="can not go from|never changes"), owner() as session:
            session.execute(text(f"UPDATE victim_message SET {statement}"))  # noqa: S608  cases of the test


@pytest.mark.parametrize("area", shipped_areas())
def test_every_wording_that_ships_has_a_template_in_each_area(area: str) -> None:
    assert {str(each["name"]) for each in approved_templates(area).values()} == set(TEXTS_BY_CODE)
