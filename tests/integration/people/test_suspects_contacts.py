"""What is a suspect's is no way to the person, nor to their safe adult, whichever record it stands on."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from tests.factories import casework
from tests.factories.casework import HOUR, MONDAY, safe_to_phone
from tests.factories.feeds import feed_row
from tests.factories.imports import import_rows, imported_referral, plan_in_force
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import PersonLink
from victim_gateway.services.referrals import corrections, merged_people, person_links
from victim_gateway.services.shared import case_locks
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import HeldReason, LinkRole, Role, SafeAnswer, TaskKind

SERVICE = Actor.worker("tests")
LATER = MONDAY + 2 * HOUR
SUSPECTS = "07700 900432"
STEP_FATHER = {
    "date_of_birth": "2013-03-02",
    "guardian_name": "Ray Example",
    "guardian_relationship": "Step-father",
    "guardian_phone": "+447700900432",
    "guardian_safe_to_contact": "yes",
    "safe_number": SUSPECTS,
    "safe_number_whose": "Ray",
}


@pytest.fixture
def caseworker(app: Flask, make_actor: MakeActor) -> Actor:
    return make_actor(Role.CASEWORKER)


def person_of(referral_id: UUID) -> UUID:
    return casework.referral(referral_id, SERVICE).person_id


def document_of(referral_id: UUID) -> dict[str, object]:
    person_id = person_of(referral_id)
    with transaction(SERVICE) as session:
        person, key = case_locks.open_person(session, person_id)
        opened: dict[str, object] = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    return opened


def record_suspects_number(actor: Actor, referral_id: UUID, phone: str = SUSPECTS) -> None:
    person_links.record_suspect_contact(
        Command(actor, LATER), person_of(referral_id), phone=phone, email=None, whose=LinkRole.SUSPECT
    )


def link(actor: Actor, referral_id: UUID, other: UUID, role: LinkRole) -> UUID:
    return person_links.record_link(
        Command(actor, LATER),
        person_of(referral_id),
        other_reference=casework.referral(other, SERVICE).reference,
        role=role,
    )


def merge(actor: Actor, one: UUID, other: UUID) -> None:
    merged_people.merge_people(Command(actor, LATER), person_of(one), person_of(other), reason="The same")


def correct(actor: Actor, referral_id: UUID, minutes: int, **changes: str) -> None:
    version = casework.referral(referral_id, SERVICE).version
    corrections.correct_details(
        Command(actor, LATER + timedelta(minutes=minutes), version=version),
        referral_id,
        changes,
        reason="She said so",
    )


def test_a_suspect_is_no_safe_adult_and_no_door_makes_him_one_again(
    caseworker: Actor, make_actor: MakeActor
) -> None:
    document = casework.person_document(**STEP_FATHER)
    child = casework.recorded(caseworker, person=document)
    written = casework.recorded(
        caseworker,
        person=casework.person_document(
            **{**STEP_FATHER, "guardian_phone": "", "safe_number": "", "safe_number_whose": ""},
            guardian_other_contact="text him on 07700 900 432 after six",
        ),
    )
    assert casework.referral(child, SERVICE).held_reason is None

    for referral_id in (child, written):
        record_suspects_number(caseworker, referral_id)

        now = document_of(referral_id)
        assert now["guardian_safe_to_contact"] == "no"
        assert not {"safe_number", "safe_number_whose"} & now.keys()
        assert HeldReason.CHILD_WITHOUT_SAFE_ADULT in casework.referral(referral_id, SERVICE).standing_reasons
        assert TaskKind.SAFE_CONTACT_CHECK in casework.open_tasks(referral_id, caseworker)

    senior = make_actor(Role.SENIOR)
    with pytest.raises(InvalidInput, match="belongs to a suspect") as error:
        correct(senior, child, 1, guardian_safe_to_contact="yes")
    assert set(error.value.fields) == {"guardian_phone"}
    with pytest.raises(InvalidInput, match="belongs to a suspect"):
        correct(senior, child, 2, safe_number=SUSPECTS)
    plain = casework.recorded(caseworker)
    record_suspects_number(caseworker, plain)
    with pytest.raises(InvalidInput, match="belongs to a suspect"):
        casework.recorded(caseworker, person=STEP_FATHER, person_id=person_of(plain))


def test_a_file_never_calls_a_suspect_a_safe_adult(caseworker: Actor) -> None:
    row = feed_row(date_of_birth="2013-03-02", phone="07700 900201", domestic_abuse="no")
    import_rows(row)
    referral_id = imported_referral(row).id
    record_suspects_number(caseworker, referral_id)

    adult = {name: value for name, value in STEP_FATHER.items() if name != "date_of_birth"}
    import_rows({**row, **adult})

    now = document_of(referral_id)
    assert (now["guardian_name"], now["guardian_safe_to_contact"]) == ("Ray Example", "no")
    assert "safe_number" not in now
    assert HeldReason.CHILD_WITHOUT_SAFE_ADULT in casework.referral(referral_id, SERVICE).standing_reasons


def test_a_suspects_new_number_of_any_record_is_never_safe_and_a_shared_house_gets_no_letter(
    caseworker: Actor, make_actor: MakeActor
) -> None:
    senior = make_actor(Role.SENIOR)
    postal = safe_to_phone(channels={"phone": SafeAnswer.YES, "post": SafeAnswer.YES})
    victim = casework.in_contact(
        caseworker,
        person=casework.person_document(phone=SUSPECTS, postcode="ST17 4AB"),
        safe_contact=postal,
    )
    suspect = casework.recorded(caseworker, person=casework.person_document(postcode="ST17 4AB"))
    second_record = casework.recorded(caseworker, person=casework.person_document())
    link(caseworker, victim, suspect, LinkRole.SUSPECT)

    plan, document = plan_in_force(person_of(victim))
    assert (document["channels"]["post"], plan.safe_channels) == ("unknown", ["phone"])

    merge(senior, suspect, second_record)
    assert plan_in_force(person_of(victim))[0].safe_channels == ["phone"]
    correct(caseworker, second_record, 5, phone=SUSPECTS)

    plan, document = plan_in_force(person_of(victim))
    assert (plan.safe, plan.safe_channels, document["channels"]["phone"]) == (SafeAnswer.UNKNOWN, [], "no")
    version = plan.version
    correct(caseworker, second_record, 6, email="he@example.org")
    assert plan_in_force(person_of(victim))[0].version == version


def test_a_file_that_brings_a_suspects_new_number_takes_it_from_whom_he_harms(caseworker: Actor) -> None:
    row = feed_row(phone="07700 900201", domestic_abuse="no")
    import_rows(row)
    suspect = imported_referral(row).id
    victim = casework.in_contact(caseworker, person=casework.person_document(phone=SUSPECTS))
    link(caseworker, victim, suspect, LinkRole.SUSPECT)
    assert plan_in_force(person_of(victim))[0].safe_channels == ["phone"]

    import_rows({**row, "phone": SUSPECTS})

    assert plan_in_force(person_of(victim))[0].safe_channels == []


def test_links_are_those_of_two_people_not_of_two_records(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    senior = make_actor(Role.SENIOR)
    victim, again, suspect, other_record = (casework.recorded(caseworker) for _ in range(4))
    merge(senior, victim, again)
    speaks = link(caseworker, again, suspect, LinkRole.SPOKESPERSON)
    with pytest.raises(InvalidInput, match="already"):
        link(caseworker, victim, suspect, LinkRole.SPOKESPERSON)

    link(caseworker, victim, suspect, LinkRole.SUSPECT)

    with owner() as session:
        assert session.get_one(PersonLink, speaks).ended_at is not None
    with pytest.raises(InvalidInput, match="must never be contacted"):
        link(caseworker, again, suspect, LinkRole.PARENT)
    # The suspect's record is linked with the victim's first record only, and is no third record of theirs.
    third = casework.recorded(caseworker)
    with pytest.raises(TransitionNotAllowed, match="linked"):
        merge(senior, victim, suspect)
    harmed = casework.recorded(caseworker)
    link(caseworker, again, harmed, LinkRole.SUSPECT)
    with pytest.raises(TransitionNotAllowed, match="linked"):
        merge(senior, victim, harmed)

    # A spokesperson on one record of the suspect, a never-contact link on another: the merge ends the first.
    stays = link(caseworker, third, other_record, LinkRole.SPOKESPERSON)
    beside = casework.recorded(caseworker)
    link(caseworker, third, beside, LinkRole.SUSPECT_HOUSEHOLD)
    merge(senior, other_record, beside)
    with owner() as session:
        assert session.get_one(PersonLink, stays).ended_at is not None
