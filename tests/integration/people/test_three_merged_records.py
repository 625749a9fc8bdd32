"""Three records that are one person: what one of them says to protect the person counts for all three."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text

from tests.factories import casework
from tests.factories.casework import DAY, HOUR, MONDAY
from tests.factories.feeds import feed_row
from tests.factories.imports import import_rows, imported_referral, plan_in_force
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import Consent, OnwardReferral, Person, Referral
from victim_gateway.queries.onward_referrals.handover import sharing_consent_in_force
from victim_gateway.queries.referrals.marac import marac_records
from victim_gateway.rules.handover import HandoverText
from victim_gateway.rules.marac import MaracReason
from victim_gateway.services import onward_referrals
from victim_gateway.services.referrals import (
    consents,
    corrections,
    merged_people,
    person_links,
    safe_adult,
    safe_contact,
)
from victim_gateway.services.referrals.marac import MaracAnswer, decide_marac
from victim_gateway.services.referrals.merge_preview import preview_merge
from victim_gateway.services.referrals.safe_adult import SafeAdult
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.shared.case_locks import lock_referral
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.contact_consents import contact_consent
from victim_gateway.vocabulary import (
    AttemptOutcome,
    ConsentHow,
    ConsentPurpose,
    HandoverPart,
    HeldReason,
    LinkRole,
    OnwardState,
    ReferralState,
    Role,
    SafeAnswer,
    TaskKind,
)

SERVICE = Actor.worker("tests")
LATER = MONDAY + 2 * HOUR


@pytest.fixture
def caseworker(app: Flask, make_actor: MakeActor) -> Actor:
    return make_actor(Role.CASEWORKER)


def person_of(referral_id: UUID) -> UUID:
    return casework.referral(referral_id, SERVICE).person_id


def merge(
    actor: Actor, kept: UUID, *others: UUID, at: timedelta = timedelta(), reason: str | None = None
) -> None:
    for number, other in enumerate(others):
        command = Command(actor, LATER + at + timedelta(minutes=number))
        merged_people.merge_people(command, person_of(kept), person_of(other), reason=reason)


def undo(actor: Actor, kept: UUID, other: UUID, *, at: timedelta) -> None:
    command = Command(actor, LATER + at)
    merged_people.undo_merge(command, person_of(kept), person_of(other), reason="Two people")


def safe_answers(*referral_ids: UUID) -> list[SafeAnswer]:
    return [plan_in_force(person_of(each))[0].safe for each in referral_ids]


def answer(
    actor: Actor,
    referral_id: UUID,
    *,
    agreed: bool,
    at: timedelta,
    purpose: ConsentPurpose = ConsentPurpose.CONTACT,
    provider_id: UUID | None = None,
) -> UUID:
    moment = LATER + at
    return consents.record_consent(
        Command(actor, moment, version=casework.referral(referral_id, SERVICE).version),
        referral_id,
        consents.ConsentAnswer(
            purpose=purpose,
            agreed=agreed,
            how=ConsentHow.SPOKEN,
            given_at=moment,
            recipient_organisation_id=provider_id,
        ),
    )


def test_a_third_record_that_says_no_makes_all_three_strict_until_it_is_another_persons_again(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    senior, document = make_actor(Role.SENIOR), casework.person_document()
    kept, second, third = (casework.in_contact(caseworker, person=dict(document)) for _ in range(3))
    merge(caseworker, kept, second)
    casework.record_plan(third, caseworker, SafeContactAnswer(SafeAnswer.NO), at=MONDAY + HOUR)
    assert safe_answers(kept, second, third) == [SafeAnswer.YES, SafeAnswer.YES, SafeAnswer.NO]

    merge(caseworker, kept, third, at=HOUR)

    assert safe_answers(kept, second, third) == [SafeAnswer.NO] * 3
    assert TaskKind.SAFE_CONTACT_CHECK in casework.open_tasks(second, caseworker)

    undo(caseworker, kept, third, at=2 * HOUR)
    assert safe_answers(kept, second, third) == [SafeAnswer.YES, SafeAnswer.YES, SafeAnswer.NO]
    pair = person_of(kept), person_of(third)
    with transaction(caseworker) as session:
        preview = preview_merge(session, *pair, user_id=caseworker.user_id)
    assert preview.is_distinguished

    # The other of the two is undone: what came since stays with it, and somebody asks.
    merge(senior, kept, third, at=3 * HOUR, reason="One all the same")
    undo(caseworker, kept, second, at=4 * HOUR)
    assert safe_answers(kept, second, third) == [SafeAnswer.NO] * 3
    assert TaskKind.SAFE_CONTACT_CHECK in casework.open_tasks(second, caseworker)

    # An erased record among them is left out, and stops nobody from recording an answer.
    merge(senior, kept, second, at=5 * HOUR, reason="One all the same")
    with owner() as session:
        session.get_one(Person, person_of(third)).erased_at = MONDAY
    version = casework.plan_version(kept, caseworker)
    safe_contact.record_safe_contact(
        Command(caseworker, LATER + 6 * HOUR, version=version), kept, casework.safe_to_phone()
    )
    assert safe_answers(kept, second, third) == [SafeAnswer.YES, SafeAnswer.YES, SafeAnswer.NO]


def test_an_adult_becomes_safe_again_only_where_no_other_record_says_no_and_it_was_not_said_again(
    caseworker: Actor, make_actor: MakeActor
) -> None:
    senior = make_actor(Role.SENIOR)
    named = {
        "guardian_name": "Sam Example",
        "guardian_relationship": "Uncle",
        "guardian_phone": "07700 900655",
    }

    def child(safe: str) -> UUID:
        document = casework.person_document(
            date_of_birth="2013-03-02", guardian_safe_to_contact=safe, **named
        )
        return casework.recorded(caseworker, person=document)

    def lack_safe_adult(*referral_ids: UUID) -> list[bool]:
        waits = HeldReason.CHILD_WITHOUT_SAFE_ADULT
        return [waits in casework.referral(each, SERVICE).standing_reasons for each in referral_ids]

    kept, second, third = child("yes"), child("no"), child("no")
    merge(caseworker, kept, second, third)
    undo(caseworker, kept, second, at=HOUR)
    # The third is still the same child's, and says no.
    assert lack_safe_adult(kept, second, third) == [True, True, True]

    confirmed, other = child("yes"), child("no")
    merge(caseworker, confirmed, other)
    command = Command(senior, LATER + HOUR, version=casework.referral(confirmed, SERVICE).version)
    adult = SafeAdult("Sam Example", "Uncle", SafeAnswer.NO, phone="07700 900655")
    safe_adult.record_safe_adult(command, confirmed, adult)
    undo(caseworker, confirmed, other, at=2 * HOUR)
    assert lack_safe_adult(confirmed, other) == [True, True]

    plain, last = child("yes"), child("no")
    merge(caseworker, plain, last)
    undo(caseworker, plain, last, at=HOUR)
    assert lack_safe_adult(plain, last) == [False, True]


def test_a_no_to_contact_in_one_of_two_merged_records_counts_for_the_other(caseworker: Actor) -> None:
    document = casework.person_document()
    kept, second, third = (casework.in_contact(caseworker, person=dict(document)) for _ in range(3))
    merge(caseworker, kept, second, third)

    answer(caseworker, second, agreed=False, at=HOUR)

    people = [person_of(each) for each in (kept, second, third)]
    with transaction(caseworker) as session:
        said = [contact_consent(session, person_id) for person_id in people]
    assert said == [False] * 3
    with pytest.raises(TransitionNotAllowed):
        casework.log_attempt(third, caseworker, at=LATER + 2 * HOUR, outcome=AttemptOutcome.NO_ANSWER)
    answer(caseworker, third, agreed=True, at=3 * HOUR)
    with transaction(caseworker) as session:
        assert contact_consent(session, people[1]) is True


def test_what_a_file_says_of_one_merged_record_counts_for_the_others(caseworker: Actor) -> None:
    row = feed_row(
        phone="07700 900201", safe_to_contact="yes", preferred_contact="phone", domestic_abuse="no"
    )
    import_rows(row)
    imported = imported_referral(row).id
    name = {key: row[key] for key in ("given_name", "family_name", "date_of_birth", "phone")}
    kept, third = (casework.recorded(caseworker, person=casework.person_document(**name)) for _ in range(2))
    merge(caseworker, kept, imported, third)
    assert safe_answers(kept, imported, third) == [SafeAnswer.YES] * 3

    unsafe = {**row, "safe_to_contact": "no"}
    import_rows(unsafe)
    assert safe_answers(kept, imported, third) == [SafeAnswer.NO] * 3

    import_rows({**unsafe, "consent_to_referral": "no"})
    for each in (kept, imported, third):
        held = casework.referral(each, SERVICE)
        assert (held.state, held.held_reason) == (ReferralState.HELD, HeldReason.CONSENT_REFUSED)


def test_a_no_to_sharing_in_another_record_counts_and_takes_back_what_was_offered(
    caseworker: Actor, owner: Owner
) -> None:
    document = casework.person_document()
    kept, second, third = (casework.assessed(caseworker, person=dict(document)) for _ in range(3))
    merge(caseworker, kept, second, third)
    onward_id = casework.offered(caseworker, owner, kept)
    with owner() as session:
        provider_id = session.get_one(OnwardReferral, onward_id).provider_id
        service_id = session.get_one(OnwardReferral, onward_id).service_id

    def is_agreed(referral_id: UUID) -> bool:
        person_id = person_of(referral_id)
        with transaction(caseworker) as session:
            return sharing_consent_in_force(session, person_id, provider_id) is not None

    assert [is_agreed(each) for each in (kept, second, third)] == [True] * 3
    sharing = ConsentPurpose.SHARE_WITH_PROVIDER
    answer(caseworker, second, agreed=False, at=2 * DAY, purpose=sharing, provider_id=provider_id)

    with owner() as session:
        assert session.get_one(OnwardReferral, onward_id).state is OnwardState.WITHDRAWN
    assert [is_agreed(each) for each in (kept, second, third)] == [False] * 3
    again = onward_referrals.OfferToProvider(
        service_id=service_id, share=frozenset({HandoverPart.NAME}), texts=HandoverText()
    )
    with pytest.raises(InvalidInput, match="Ask the person first"):
        onward_referrals.offer_onward_referral(Command(caseworker, LATER + 3 * DAY), kept, again)

    # The yes of the first record was never closed; a new one takes its place.
    consent_id = answer(caseworker, third, agreed=True, at=4 * DAY, purpose=sharing, provider_id=provider_id)
    offered = onward_referrals.offer_onward_referral(Command(caseworker, LATER + 5 * DAY), kept, again)
    consents.withdraw_consent(Command(caseworker, LATER + 6 * DAY), consent_id, through=second)
    with owner() as session:
        assert session.get_one(OnwardReferral, offered).state is OnwardState.WITHDRAWN
        stands = select(Consent.id).where(Consent.id == consent_id, Consent.withdrawn_at.is_(None))
        assert session.scalar(stands) is None
    assert not is_agreed(kept)


def test_a_merge_with_a_newer_no_to_sharing_takes_back_what_waits_and_asks_about_what_has_begun(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    document = casework.person_document()
    kept, other, helped = (casework.assessed(caseworker, person=dict(document)) for _ in range(3))
    waiting_id = casework.offered(caseworker, owner, kept)
    helped_id = casework.offered(caseworker, owner, helped)
    with owner() as session:
        provider_id = session.get_one(OnwardReferral, waiting_id).provider_id
        session.get_one(OnwardReferral, helped_id).state = OnwardState.ACCEPTED
    sharing = ConsentPurpose.SHARE_WITH_PROVIDER
    answer(caseworker, other, agreed=False, at=2 * DAY, purpose=sharing, provider_id=provider_id)

    def state_of(onward_id: UUID) -> OnwardState:
        with owner() as session:
            return session.get_one(OnwardReferral, onward_id).state

    for first in (kept, helped):
        pair = person_of(first), person_of(other)
        with transaction(caseworker) as session:
            preview = preview_merge(session, *pair, user_id=caseworker.user_id)
        assert [each.is_taken_back for each in preview.ended_sharings] == [first == kept]
    merge(caseworker, kept, other, at=3 * DAY)
    assert state_of(waiting_id) is OnwardState.WITHDRAWN
    merge(caseworker, kept, helped, at=4 * DAY)
    assert state_of(helped_id) is OnwardState.ACCEPTED
    assert TaskKind.SHARING_REFUSED in casework.open_tasks(helped, caseworker)
    answer(caseworker, kept, agreed=True, at=5 * DAY, purpose=sharing, provider_id=provider_id)
    assert TaskKind.SHARING_REFUSED not in casework.open_tasks(helped, caseworker)
    assert state_of(helped_id) is OnwardState.ACCEPTED
    # Who were told apart are merged again by a senior with a reason only.
    undo(caseworker, kept, helped, at=6 * DAY)
    with pytest.raises(InvalidInput, match="A caseworker has said that these are two people"):
        merge(caseworker, kept, helped, at=7 * DAY)
    with pytest.raises(InvalidInput, match="why they are one person"):
        merge(make_actor(Role.SENIOR), kept, helped, at=7 * DAY)
    merge(make_actor(Role.SENIOR), kept, helped, at=8 * DAY, reason="Both were asked")


def test_marac_is_read_on_every_record_each_with_its_own_key(caseworker: Actor) -> None:
    document = casework.person_document()
    kept, second = (casework.assigned(caseworker, person=dict(document)) for _ in range(2))
    for referral_id, reason in ((kept, "Her ex knows"), (second, "His brother knows")):
        said = MaracAnswer(
            is_referred=True,
            decided_on=MONDAY.date(),
            reasons=(MaracReason.JUDGEMENT,),
            text=reason,
        )
        version = casework.referral(referral_id, SERVICE).version
        decide_marac(Command(caseworker, LATER, version=version), referral_id, said)
    merge(caseworker, kept, second)

    for each in (kept, second):
        person_id = person_of(each)
        with transaction(caseworker) as session:
            key = encrypted_rows.open_key(session, session.get_one(Person, person_id).key_id)
            records = marac_records(session, person_id, key)
        assert {record.note for record in records} == {"Her ex knows", "His brother knows"}


def test_whoever_changes_one_of_two_linked_people_waits_for_the_others_referrals_and_holds_no_person(
    committed_app: Flask, committed_make_actor: MakeActor
) -> None:
    """Else two who change a number of either at once would wait for each other, and one be refused with an error."""
    caseworker = committed_make_actor(Role.CASEWORKER)
    one, other = (casework.recorded(caseworker) for _ in range(2))
    person_links.record_link(
        Command(caseworker, LATER),
        person_of(one),
        other_reference=casework.referral(other, SERVICE).reference,
        role=LinkRole.SUSPECT,
    )
    problems: list[BaseException] = []

    def correct(referral_id: UUID, phone: str) -> None:
        with committed_app.app_context():
            try:
                corrections.correct_details(Command(caseworker, LATER + HOUR), referral_id, {"phone": phone})
            except Exception as error:
                problems.append(error)

    both = [person_of(each) for each in (one, other)]
    for first, second in ((one, other), (other, one)):
        number = "07700 900301" if first == one else "07700 900302"
        with transaction(SERVICE) as session:
            lock_referral(session, second)
            waiting = threading.Thread(target=correct, args=(first, number))
            waiting.start()
            for _ in range(200):
                if session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                    break
                time.sleep(0.05)
            session.execute(select(Person.id).where(Person.id.in_(both)).with_for_update(nowait=True))
        waiting.join(30)
    assert problems == []


def test_an_import_waits_for_the_referrals_of_the_other_record_before_it_locks_a_person(
    committed_app: Flask, committed_make_actor: MakeActor
) -> None:
    """Else it and a caseworker who saves safe contact on the other record would wait for each other."""
    caseworker = committed_make_actor(Role.CASEWORKER)
    row = feed_row(domestic_abuse="no")
    import_rows(row)
    imported = imported_referral(row).id
    name = {key: row[key] for key in ("given_name", "family_name", "date_of_birth", "phone")}
    kept = casework.recorded(caseworker, person=casework.person_document(**name))
    merge(caseworker, kept, imported)
    problems: list[BaseException] = []

    def import_again() -> None:
        with committed_app.app_context():
            try:
                import_rows({**row, "safe_to_contact": "no"})
            except Exception as error:
                problems.append(error)

    with transaction(SERVICE) as session:
        lock_referral(session, kept)
        waiting = threading.Thread(target=import_again)
        waiting.start()
        for _ in range(200):
            if session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                break
            time.sleep(0.05)
        # Neither person, nor a referral that it could have had: refused at once where the import has them.
        both = session.scalars(select(Referral.person_id).where(Referral.id.in_((kept, imported)))).all()
        session.execute(select(Person.id).where(Person.id.in_(both)).with_for_update(nowait=True))
    waiting.join(30)

    assert problems == []
    assert safe_answers(kept, imported) == [SafeAnswer.NO] * 2
