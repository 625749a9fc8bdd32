"""A person we know already: what is recorded anew never undoes what they said before."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import casework
from tests.factories.casework import DAY, HOUR, MONDAY, safe_to_phone
from tests.factories.feeds import feed_row
from tests.factories.imports import import_rows, imported_referral, plan_in_force, provider_safe_contact
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound
from victim_gateway.models import (
    Consent,
    ImportRow,
    OnwardReferral,
    Person,
    Referral,
    ReferralAccess,
    SafeContactPlan,
)
from victim_gateway.services.referrals import consents, corrections, safe_contact
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.shared.case_locks import lock_referral
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    AttemptOutcome,
    ConsentHow,
    ConsentPurpose,
    HeldReason,
    OnwardState,
    ReferralState,
    Role,
    SafeAnswer,
    TaskKind,
)

SERVICE = Actor.worker("tests")
NOT_SAFE = SafeContactAnswer(SafeAnswer.NO, {})


@pytest.fixture
def caseworker(app: Flask, make_actor: MakeActor) -> Actor:
    return make_actor(Role.CASEWORKER)


def person_of(referral_id: UUID) -> UUID:
    return casework.referral(referral_id, SERVICE).person_id


def plan_of(referral_id: UUID) -> tuple[SafeContactPlan, dict[str, Any]]:
    return plan_in_force(person_of(referral_id))


def restrict(owner: Owner, referral_id: UUID, *named: UUID | None, person: bool = False) -> None:
    with owner() as session:
        referral = session.get_one(Referral, referral_id)
        referral.restricted = True
        if person:
            session.get_one(Person, referral.person_id).restricted = True
        for user_id in named:
            session.add(ReferralAccess(referral_id=referral_id, user_id=user_id, granted_at=MONDAY))


def test_a_new_referral_of_somebody_who_refused_contact_is_held(caseworker: Actor) -> None:
    refused = casework.recorded(caseworker, agreed=False)

    again = casework.recorded(caseworker, person_id=person_of(refused), agreed=None)

    found = casework.referral(again, caseworker)
    assert (found.state, found.held_reason) == (ReferralState.HELD, HeldReason.CONSENT_REFUSED)


def test_a_no_to_contact_holds_every_referral_of_the_person(caseworker: Actor, make_actor: MakeActor) -> None:
    one = casework.assigned(caseworker)
    colleague = make_actor(Role.CASEWORKER)
    other = casework.assigned(colleague, person_id=person_of(one))

    consents.record_consent(
        Command(caseworker, MONDAY + HOUR),
        one,
        consents.ConsentAnswer(
            purpose=ConsentPurpose.CONTACT, agreed=False, how=ConsentHow.SPOKEN, given_at=MONDAY + HOUR
        ),
    )

    for referral_id in (one, other):
        found = casework.referral(referral_id, caseworker)
        assert (found.state, found.held_reason) == (ReferralState.HELD, HeldReason.CONSENT_REFUSED)


def test_a_yes_typed_with_a_new_referral_does_not_undo_a_no(caseworker: Actor) -> None:
    first = casework.recorded(caseworker, safe_contact=NOT_SAFE)

    again = casework.recorded(caseworker, person_id=person_of(first), safe_contact=safe_to_phone())

    assert plan_of(first)[0].safe is SafeAnswer.NO
    assert TaskKind.SAFE_CONTACT_CHECK in casework.open_tasks(again, caseworker)


def test_a_no_typed_with_a_new_referral_reaches_the_provider_and_keeps_the_code_word(
    caseworker: Actor, owner: Owner
) -> None:
    first = casework.assessed(caseworker, safe_contact=safe_to_phone(code_word="marmalade"))
    onward_id = casework.offered(caseworker, owner, first)

    casework.recorded(caseworker, at=MONDAY + DAY, person_id=person_of(first), safe_contact=NOT_SAFE)

    assert provider_safe_contact(onward_id)["safe"] == "no"
    assert plan_of(first)[1]["code_word"] == "marmalade"


def test_a_number_that_was_not_known_before_is_not_covered_by_an_older_yes(caseworker: Actor) -> None:
    first = casework.recorded(caseworker, person=casework.person_document(phone=None))
    # A yes to a number that nobody has leads nowhere.
    assert (plan_of(first)[0].safe, plan_of(first)[0].safe_channels) == (SafeAnswer.YES, [])

    casework.recorded(
        caseworker,
        person_id=person_of(first),
        person={"phone": "07700 900888"},
        safe_contact=SafeContactAnswer(SafeAnswer.UNKNOWN, {}),
    )

    assert plan_of(first)[0].safe is SafeAnswer.UNKNOWN


def test_a_number_that_was_corrected_is_not_offered_as_the_safe_one_again(
    caseworker: Actor, owner: Owner
) -> None:
    person = casework.person_document(phone="07700 900555")
    referral_id = casework.assessed(
        caseworker, person=person, safe_contact=safe_to_phone(number="+44 7700 900555")
    )
    onward_id = casework.offered(caseworker, owner, referral_id)
    version = casework.referral(referral_id, caseworker).version
    corrections.correct_details(
        Command(caseworker, MONDAY + DAY, version=version), referral_id, {"phone": "07700 900666"}
    )
    casework.record_plan(referral_id, caseworker, safe_to_phone(), at=MONDAY + DAY)

    assert plan_of(referral_id)[1]["number"] is None
    # What the caseworker's page shows as the safe number, the provider gets: the one on record now.
    assert provider_safe_contact(onward_id)["number"] == "07700 900666"


def test_a_number_that_the_person_named_apart_stays_when_another_is_corrected(caseworker: Actor) -> None:
    referral_id = casework.recorded(caseworker, safe_contact=safe_to_phone(number="07700 900777"))
    corrections.correct_details(
        Command(caseworker, MONDAY + DAY, version=casework.referral(referral_id, caseworker).version),
        referral_id,
        {"phone": "07700 900666"},
    )

    plan, document = plan_of(referral_id)
    assert (plan.safe, document["number"]) == (SafeAnswer.UNKNOWN, "07700 900777")


def test_what_the_actor_may_not_see_changes_too(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    """One referral of the person is for the named few; its provider must hear of a no all the same."""
    hidden = casework.assessed(caseworker)
    onward_id = casework.offered(caseworker, owner, hidden)
    seen = casework.recorded(caseworker, at=MONDAY + DAY, person_id=person_of(hidden))
    restrict(owner, hidden, caseworker.user_id)
    other = make_actor(Role.CASEWORKER)

    casework.record_plan(seen, other, NOT_SAFE, at=MONDAY + DAY)
    assert provider_safe_contact(onward_id)["safe"] == "no"

    with transaction(SERVICE) as session:
        provider_id = session.get_one(OnwardReferral, onward_id).provider_id
    consents.record_consent(
        Command(other, MONDAY + DAY),
        seen,
        consents.ConsentAnswer(
            purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
            recipient_organisation_id=provider_id,
            agreed=False,
            how=ConsentHow.SPOKEN,
            given_at=MONDAY + DAY,
        ),
    )
    with transaction(SERVICE) as session:
        onward = session.get_one(OnwardReferral, onward_id)
        assert onward.state is OnwardState.WITHDRAWN
        assert onward.provider_access_ended_at is not None


def test_a_consent_is_taken_back_only_on_a_page_of_its_own_person(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    """Also where it was given with a referral that the actor may not see."""
    hidden = casework.recorded(caseworker)
    seen = casework.recorded(caseworker, person_id=person_of(hidden), agreed=None)
    unrelated_referral = casework.recorded(caseworker)
    restrict(owner, hidden, caseworker.user_id)
    other = make_actor(Role.CASEWORKER)
    with transaction(SERVICE) as session:
        consent_id = session.scalars(select(Consent.id).where(Consent.referral_id == hidden)).one()

    with pytest.raises(NotFound):
        consents.withdraw_consent(Command(other, MONDAY + DAY), consent_id, through=unrelated_referral)
    consents.withdraw_consent(Command(other, MONDAY + DAY), consent_id, through=seen)

    for referral_id in (hidden, seen):
        assert casework.referral(referral_id, SERVICE).state is ReferralState.HELD


def test_the_force_sends_more_about_somebody_restricted_and_only_the_named_see_it(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    row = feed_row()
    import_rows(row, at=MONDAY + 10 * DAY)
    first = imported_referral(row).id
    restrict(owner, first, caseworker.user_id, person=True)

    again = feed_row(victim_reference=row["victim_reference"])
    import_rows(again, at=MONDAY + 10 * DAY)
    namesake = feed_row(given_name=row["given_name"], family_name=row["family_name"])
    import_rows(namesake, at=MONDAY + 10 * DAY)

    second = imported_referral(again).id
    other = make_actor(Role.CASEWORKER)
    for actor, wanted in ((caseworker, {first, second}), (other, set())):
        with transaction(actor) as session:
            assert set(session.scalars(select(Referral.id).where(Referral.id.in_([first, second])))) == wanted
            rows = session.scalars(
                select(ImportRow.referral_id).where(ImportRow.referral_id.in_([first, second]))
            )
            assert set(rows) == wanted
    assert casework.open_tasks(imported_referral(namesake).id, other) == []


def test_a_typed_referral_of_somebody_restricted_is_for_the_same_few(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    first, colleague = casework.recorded(caseworker), make_actor(Role.CASEWORKER)
    restrict(owner, first, caseworker.user_id, colleague.user_id, person=True)

    second = casework.recorded(caseworker, person_id=person_of(first))

    for actor, wanted in ((caseworker, [second]), (colleague, [second]), (make_actor(Role.CASEWORKER), [])):
        with transaction(actor) as session:
            assert session.scalars(select(Referral.id).where(Referral.id == second)).all() == wanted
    with owner() as session:
        listed = session.scalars(
            select(ReferralAccess.user_id).where(ReferralAccess.referral_id == second)
        ).all()
    assert set(listed) == {caseworker.user_id, colleague.user_id}
    assert len(listed) == 2


def test_an_offer_waits_for_a_plan_that_is_being_recorded_through_another_referral(
    committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor
) -> None:
    """Else the provider would read the old answer, and nothing would ever put it right."""
    caseworker = committed_make_actor(Role.CASEWORKER)
    one = casework.assessed(caseworker)
    other = casework.recorded(caseworker, person_id=person_of(one))
    offered: list[UUID] = []

    def offer() -> None:
        with committed_app.app_context():
            offered.append(casework.offered(caseworker, committed_owner, one))

    with transaction(caseworker) as session:
        referral = session.get_one(Referral, other)
        person = session.get_one(Person, referral.person_id, with_for_update=True)
        key = encrypted_rows.open_key(session, person.key_id)
        safe_contact.write_plan(session, person, key, NOT_SAFE, at=MONDAY + HOUR, checked_at=MONDAY + HOUR)
        waiting = threading.Thread(target=offer)
        waiting.start()
        waiting.join(2)
        assert offered == []
    waiting.join(30)

    assert provider_safe_contact(offered[0])["safe"] == "no"


def test_consent_taken_back_while_the_person_is_referred_on_does_not_lock_up(
    committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor
) -> None:
    caseworker = committed_make_actor(Role.CASEWORKER)
    referral_id = casework.assessed(caseworker)
    casework.offered(caseworker, committed_owner, referral_id)
    with transaction(SERVICE) as session:
        consent_id = session.scalars(
            select(Consent.id).where(
                Consent.person_id == session.get_one(Referral, referral_id).person_id,
                Consent.purpose == ConsentPurpose.SHARE_WITH_PROVIDER,
            )
        ).one()
    problems: list[BaseException] = []

    def withdraw() -> None:
        with committed_app.app_context():
            try:
                consents.withdraw_consent(Command(caseworker, MONDAY + 2 * DAY), consent_id)
            except Exception as error:
                problems.append(error)

    with transaction(caseworker) as session:
        session.get_one(Referral, referral_id, with_for_update=True)
        waiting = threading.Thread(target=withdraw)
        waiting.start()
        waiting.join(2)
        session.get_one(Consent, consent_id, with_for_update=True)
    waiting.join(30)

    assert problems == []


def test_recording_safe_contact_waits_for_a_colleague_on_another_referral_and_does_not_lock_up(
    committed_app: Flask, committed_make_actor: MakeActor
) -> None:
    """What is recorded through one referral changes what comes next on the other."""
    caseworker = committed_make_actor(Role.CASEWORKER)
    one = casework.assessed(caseworker)
    other = casework.in_contact(caseworker, person_id=person_of(one))
    casework.log_attempt(other, caseworker, at=MONDAY + DAY, outcome=AttemptOutcome.WRONG_NUMBER)
    version = casework.plan_version(one, caseworker)
    problems: list[BaseException] = []

    def record() -> None:
        with committed_app.app_context():
            try:
                safe_contact.record_safe_contact(
                    Command(caseworker, MONDAY + 2 * DAY, version=version), one, safe_to_phone()
                )
            except Exception as error:
                problems.append(error)

    with transaction(caseworker) as session:
        referral = lock_referral(session, other)
        waiting = threading.Thread(target=record)
        waiting.start()
        waiting.join(2)
        session.get_one(Person, referral.person_id, with_for_update=True)
    waiting.join(30)

    assert problems == []
    assert casework.open_tasks(other, caseworker) == []
