"""Links between people: what can't stand together, and that a suspect's number is never safe."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from tests.factories import casework
from tests.factories.casework import HOUR, MONDAY, safe_to_phone
from tests.factories.feeds import feed_row
from tests.factories.imports import import_rows, imported_referral, plan_in_force
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import AlreadyDone, InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import AuditEntry, Person, PersonLink
from victim_gateway.queries.referrals.person_page import PersonPage, person_page
from victim_gateway.rules.alerts import AlertKind
from victim_gateway.services.referrals import person_links, safe_adult, safe_contact
from victim_gateway.services.referrals.safe_adult import SafeAdult
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import LinkRole, NextAction, Role, SafeAnswer, TaskKind

SERVICE = Actor.worker("tests")
LATER = MONDAY + 2 * HOUR
SUSPECTS = "07700 900432"


@pytest.fixture
def caseworker(app: Flask, make_actor: MakeActor) -> Actor:
    return make_actor(Role.CASEWORKER)


def person_of(referral_id: UUID) -> UUID:
    return casework.referral(referral_id, SERVICE).person_id


def link(actor: Actor, referral_id: UUID, other: UUID, role: LinkRole, **more: UUID) -> UUID:
    return person_links.record_link(
        Command(actor, LATER, **more),
        person_of(referral_id),
        other_reference=casework.referral(other, SERVICE).reference.lower(),
        role=role,
    )


def page_of(actor: Actor, referral_id: UUID) -> PersonPage:
    person_id = person_of(referral_id)
    with transaction(actor) as session:
        return person_page(session, person_id, at=LATER)


def alerts_of(actor: Actor, referral_id: UUID) -> set[AlertKind]:
    return {alert.kind for alert in page_of(actor, referral_id).alerts}


def test_bad_links_are_refused_with_a_clear_answer(caseworker: Actor) -> None:
    child, parent, grandparent = (casework.recorded(caseworker) for _ in range(3))
    again = casework.recorded(caseworker, person_id=person_of(child))
    link(caseworker, child, parent, LinkRole.PARENT)
    link(caseworker, grandparent, parent, LinkRole.CHILD)

    for referral_id, other, role, message in (
        (child, again, LinkRole.HOUSEHOLD, "same person"),
        (child, parent, LinkRole.PARENT, "already"),
        (parent, child, LinkRole.CHILD, "already"),
        (grandparent, child, LinkRole.PARENT, "own parent"),
        (child, grandparent, LinkRole.CHILD, "own parent"),
    ):
        with pytest.raises(InvalidInput, match=message):
            link(caseworker, referral_id, other, role)
    with pytest.raises(InvalidInput, match="that you can see"):
        person_links.record_link(
            Command(caseworker, LATER),
            person_of(child),
            other_reference="SG-26-999999",
            role=LinkRole.WITNESS,
        )


def test_a_link_is_recorded_once_seen_from_both_sides_and_ended_once(caseworker: Actor, owner: Owner) -> None:
    child, parent = casework.recorded(caseworker), casework.recorded(caseworker)
    submission = uuid4()
    link_id = link(caseworker, child, parent, LinkRole.PARENT, submission_id=submission)
    with pytest.raises(AlreadyDone):
        link(caseworker, child, parent, LinkRole.PARENT, submission_id=submission)
    of_child, of_parent = page_of(caseworker, child).links, page_of(caseworker, parent).links
    assert [each.relation for each in of_child] == ["Their parent or guardian"]
    assert [each.relation for each in of_parent] == ["Their child"]

    with pytest.raises(InvalidInput, match="why the link ends"):
        person_links.end_link(Command(caseworker, LATER), person_of(child), link_id, reason=" ")
    with pytest.raises(NotFound):
        person_links.end_link(Command(caseworker, LATER), uuid4(), link_id, reason="Moved out")
    person_links.end_link(Command(caseworker, LATER), person_of(parent), link_id, reason="Moved out")
    with pytest.raises(TransitionNotAllowed):
        person_links.end_link(Command(caseworker, LATER), person_of(child), link_id, reason="Moved out")

    with owner() as session:
        ended = session.get_one(PersonLink, link_id)
        entries = session.execute(
            select(AuditEntry.action, AuditEntry.person_id).where(AuditEntry.action.like("person_link.%"))
        ).all()
    assert ended.ended_sealed is not None
    assert b"Moved out" not in ended.ended_sealed
    assert {(action, who) for action, who in entries} == {
        (action, person_of(each))
        for action in ("person_link.recorded", "person_link.ended")
        for each in (child, parent)
    }


def test_a_suspect_warns_on_both_pages_speaks_for_nobody_and_has_no_safe_number(
    caseworker: Actor, make_actor: MakeActor
) -> None:
    suspect = casework.recorded(caseworker, person=casework.person_document(phone=SUSPECTS))
    victim = casework.in_contact(
        caseworker, person=casework.person_document(phone=SUSPECTS), safe_contact=safe_to_phone()
    )
    link(caseworker, victim, suspect, LinkRole.PARENT)
    assert plan_in_force(person_of(victim))[0].safe is SafeAnswer.YES

    link_id = link(caseworker, victim, suspect, LinkRole.SUSPECT)

    for referral_id in (victim, suspect):
        assert AlertKind.NEVER_CONTACT in alerts_of(caseworker, referral_id)
        plan, document = plan_in_force(person_of(referral_id))
        assert plan.safe is SafeAnswer.UNKNOWN
        assert plan.safe_channels == []
        assert document["channels"]["phone"] == document["channels"]["sms"] == "no"
        assert TaskKind.SAFE_CONTACT_CHECK in casework.open_tasks(referral_id, caseworker)
        assert casework.referral(referral_id, SERVICE).next_action is not NextAction.MAKE_CONTACT
    links = page_of(caseworker, victim).links
    assert [(each.is_never_contact, each.ended_at is None) for each in links] == [
        (True, True),
        (False, False),
    ]
    with pytest.raises(InvalidInput, match="must never be contacted"):
        link(caseworker, victim, suspect, LinkRole.SPOKESPERSON)
    with pytest.raises(InvalidInput, match="senior"):
        person_links.end_link(Command(caseworker, LATER), person_of(victim), link_id, reason="A mistake")

    person_links.end_link(
        Command(make_actor(Role.SENIOR), LATER), person_of(victim), link_id, reason="A mistake"
    )
    assert plan_in_force(person_of(victim))[0].safe is SafeAnswer.UNKNOWN
    assert AlertKind.NEVER_CONTACT not in alerts_of(caseworker, victim)


def test_a_suspects_number_is_kept_as_a_hash_and_no_door_makes_it_safe(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    row = feed_row(phone="07700 900201", safe_to_contact="yes", preferred_contact="phone")
    import_rows(row)
    referral_id = imported_referral(row).id
    person_id = person_of(referral_id)

    person_links.record_suspect_contact(
        Command(caseworker, LATER),
        person_id,
        phone="+44 7700 900432",
        email="He@Example.org",
        whose=LinkRole.SUSPECT,
    )

    def refused(**more: object) -> InvalidInput:
        answer = safe_to_phone(same_details=(), **more)
        with pytest.raises(InvalidInput) as error:
            safe_contact.record_safe_contact(
                Command(caseworker, LATER, version=casework.plan_version(referral_id, caseworker)),
                referral_id,
                answer,
            )
        return error.value

    assert "number" in refused(number=SUSPECTS).fields
    assert "email" in refused(number="07700 900777", email="he@example.org").fields
    with pytest.raises(InvalidInput, match="never safe"):
        safe_adult.record_safe_adult(
            Command(caseworker, LATER, version=casework.referral(referral_id, SERVICE).version),
            referral_id,
            SafeAdult("Sam Example", "Uncle", SafeAnswer.YES, phone=SUSPECTS),
        )
    # The very number in a feed that calls it safe, and as what a new referral says of it.
    again = feed_row(
        victim_reference=row["victim_reference"],
        given_name=row["given_name"],
        family_name=row["family_name"],
        date_of_birth=row["date_of_birth"],
        phone=SUSPECTS,
        safe_to_contact="yes",
        preferred_contact="phone",
    )
    import_rows(again)
    casework.recorded(
        caseworker,
        at=LATER + timedelta(minutes=1),
        person_id=person_id,
        safe_contact=safe_to_phone(number=SUSPECTS, same_details=()),
    )
    plan, document = plan_in_force(person_id)
    assert document.get("number") != SUSPECTS
    assert "phone" not in plan.safe_channels

    with owner() as session:
        contact_id, kept = session.execute(
            text("SELECT id, t::text AS kept FROM suspect_contact t WHERE kind = 'phone'")
        ).one()
    assert "900432" not in kept
    with pytest.raises(InvalidInput, match="senior"):
        person_links.end_suspect_contact(Command(caseworker, LATER), person_id, contact_id)
    senior = make_actor(Role.SENIOR)
    person_links.end_suspect_contact(Command(senior, LATER), person_id, contact_id)
    with pytest.raises(TransitionNotAllowed):
        person_links.end_suspect_contact(Command(senior, LATER), person_id, contact_id)


def test_of_a_restricted_person_no_link_is_seen_and_others_have_no_grant(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    one, hidden = casework.recorded(caseworker), casework.recorded(caseworker)
    link(caseworker, one, hidden, LinkRole.HOUSEHOLD)
    person_links.record_suspect_contact(
        Command(caseworker, LATER), person_of(hidden), phone=SUSPECTS, email=None, whose=LinkRole.SUSPECT
    )
    with owner() as session:
        session.get_one(Person, person_of(hidden)).restricted = True

    assert page_of(caseworker, one).links == ()
    with transaction(caseworker) as session:
        assert session.scalar(text("SELECT count(*) FROM person_link")) == 0
        assert session.scalar(text("SELECT count(*) FROM suspect_contact")) == 0
    with pytest.raises(NotFound):
        page_of(caseworker, hidden)
    tables = ("person_link", "suspect_contact", "person_distinction", "person_merge")
    for role in (Role.MANAGER, Role.ADMIN, Role.AUDITOR, Role.PROVIDER):
        for table in tables:
            with (
                pytest.raises(ProgrammingError, match="permission denied"),
                transaction(make_actor(role)) as session,
            ):
                session.scalar(text(f"SELECT count(*) FROM {table}"))
    for statement in ("DELETE FROM person_link", "UPDATE person_link SET role = 'household'"):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction(caseworker) as session:
            session.execute(text(statement))
