"""Two records that are one person: nothing is lost, the stricter safe contact wins, and it can be undone."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests.factories import casework
from tests.factories.casework import HOUR, MONDAY, safe_to_phone
from tests.factories.feeds import feed_row
from tests.factories.imports import import_rows, imported_referral, plan_in_force
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import (
    AuditEntry,
    Person,
    PersonDistinction,
    PersonLink,
    Referral,
    SuspectContact,
    Task,
)
from victim_gateway.queries.people.merged_records import records_of_person
from victim_gateway.queries.people.proposed_duplicates import proposed_duplicates
from victim_gateway.queries.referrals.person_page import person_page
from victim_gateway.services.referrals import (
    consents,
    corrections,
    merge_preview,
    merged_people,
    person_links,
    safe_adult,
    safe_contact,
    tasks,
)
from victim_gateway.services.referrals.safe_adult import SafeAdult
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.contact_consents import contact_consent
from victim_gateway.vocabulary import (
    AttemptOutcome,
    ConsentHow,
    ConsentPurpose,
    HeldReason,
    IdentityDecision,
    LinkRole,
    ReferralState,
    Role,
    SafeAnswer,
    TaskKind,
)

SERVICE = Actor.worker("tests")
LATER = MONDAY + 2 * HOUR
# What a merge may change of what is there: how the person may be reached, what follows from it, and who did what.
CHANGED_BY_A_MERGE = {
    "audit_entry",
    "person_distinction",
    "person_merge",
    "referral",
    "safe_contact_plan",
    "submission",
    "task",
}


@pytest.fixture
def caseworker(app: Flask, make_actor: MakeActor) -> Actor:
    return make_actor(Role.CASEWORKER)


def person_of(referral_id: UUID) -> UUID:
    return casework.referral(referral_id, SERVICE).person_id


def two_records(caseworker: Actor, **of_second: object) -> tuple[UUID, UUID]:
    """Two referrals of one name and birth date, each with a record of its own and contact said to be safe."""
    document = casework.person_document()
    one = casework.in_contact(caseworker, person=document)
    return one, casework.in_contact(caseworker, **{"person": dict(document), **of_second})


def merge(actor: Actor, one: UUID, other: UUID, *, reason: str | None = None, minutes: int = 0) -> None:
    command = Command(actor, LATER + timedelta(minutes=minutes))
    merged_people.merge_people(command, person_of(one), person_of(other), reason=reason)


def contents(owner: Owner) -> dict[str, str]:
    with owner() as session:
        names = session.scalars(
            text("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
        ).all()
        return {
            name: session.scalar(
                text(f"SELECT md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM \"{name}\" t")
            )
            or ""
            for name in names
        }


def test_a_merge_moves_nothing_shows_both_as_one_and_is_undone_exactly(
    caseworker: Actor, owner: Owner
) -> None:
    one, other = two_records(caseworker)
    plans = [plan_in_force(person_of(each)) for each in (one, other)]
    before = contents(owner)

    merge(caseworker, one, other)

    after = contents(owner)
    assert {name for name in before if before[name] != after[name]} <= CHANGED_BY_A_MERGE
    kept_id, merged_id = person_of(one), person_of(other)
    with transaction(caseworker) as session:
        for record in (kept_id, merged_id):
            assert records_of_person(session, record) == sorted((kept_id, merged_id))
        page = person_page(session, kept_id, at=LATER)
    assert {each.referral_id for each in page.referrals} == {one, other}
    assert [record.person_id for record in page.records] == [kept_id, merged_id]
    # Both said yes to the same number: it stays safe.
    assert {plan_in_force(person_of(each))[0].safe for each in (one, other)} == {SafeAnswer.YES}

    merged_people.undo_merge(
        Command(caseworker, LATER + HOUR), person_of(one), person_of(other), reason="Cousins of one name"
    )

    with transaction(caseworker) as session:
        assert records_of_person(session, kept_id) == [kept_id]
        page = person_page(session, kept_id, at=LATER)
    assert {each.referral_id for each in page.referrals} == {one}
    for (plan, document), each in zip(plans, (one, other), strict=True):
        now, restored = plan_in_force(person_of(each))
        assert (now.safe, now.checked_at, now.stated_by) == (plan.safe, plan.checked_at, plan.stated_by)
        assert restored == document
    with owner() as session:
        assert len(session.scalars(select(PersonDistinction)).all()) == 1
        audited = session.scalars(
            select(AuditEntry.person_id).where(AuditEntry.action == "person.merged")
        ).all()
    assert set(audited) == {person_of(one), person_of(other)}


def test_the_stricter_answer_counts_for_both_and_every_later_answer_too(caseworker: Actor) -> None:
    one, other = two_records(caseworker)
    casework.record_plan(other, caseworker, SafeContactAnswer(SafeAnswer.NO), at=MONDAY + HOUR)

    merge(caseworker, one, other)

    for each in (one, other):
        plan, _ = plan_in_force(person_of(each))
        assert (plan.safe, plan.safe_channels) == (SafeAnswer.NO, [])
        assert TaskKind.SAFE_CONTACT_CHECK in casework.open_tasks(each, caseworker)

    safe_contact.record_safe_contact(
        Command(caseworker, LATER + HOUR, version=casework.plan_version(one, caseworker)),
        one,
        safe_to_phone(number="07700 900321", same_details=()),
    )
    for each in (one, other):
        plan, document = plan_in_force(person_of(each))
        assert (plan.safe, document["number"]) == (SafeAnswer.YES, "07700 900321")
        assert TaskKind.SAFE_CONTACT_CHECK not in casework.open_tasks(each, caseworker)

    # Recorded since the merge: it stays with both, and somebody asks again.
    merged_people.undo_merge(
        Command(caseworker, LATER + 2 * HOUR), person_of(one), person_of(other), reason="Two people"
    )
    for each in (one, other):
        assert plan_in_force(person_of(each))[1]["number"] == "07700 900321"
        assert TaskKind.SAFE_CONTACT_CHECK in casework.open_tasks(each, caseworker)


def test_an_import_that_makes_one_record_stricter_makes_the_other_so(caseworker: Actor) -> None:
    row = feed_row(
        phone="07700 900201", safe_to_contact="yes", preferred_contact="phone", domestic_abuse="no"
    )
    import_rows(row)
    imported = imported_referral(row).id
    name = {key: row[key] for key in ("given_name", "family_name", "date_of_birth", "phone")}
    other = casework.recorded(caseworker, person=casework.person_document(**name))
    merge(caseworker, other, imported)
    assert plan_in_force(person_of(other))[0].safe is SafeAnswer.YES

    import_rows({**row, "safe_to_contact": "no"})

    assert plan_in_force(person_of(imported))[0].safe is SafeAnswer.NO
    assert plan_in_force(person_of(other))[0].safe is SafeAnswer.NO


def test_a_no_to_contact_in_either_record_holds_both_until_the_person_says_yes(caseworker: Actor) -> None:
    one = casework.assigned(caseworker)
    document = casework.person_document()
    other = casework.recorded(caseworker, person=document, agreed=False)
    contradicted = casework.referral(one, SERVICE)
    assert contradicted.state is ReferralState.ASSIGNED
    merge_as_same(caseworker, one, other)

    held = casework.referral(one, SERVICE)
    assert (held.state, held.held_reason) == (ReferralState.HELD, HeldReason.CONSENT_REFUSED)
    with pytest.raises(TransitionNotAllowed):
        casework.log_attempt(one, caseworker, at=LATER + HOUR, outcome=AttemptOutcome.NO_ANSWER)

    consents.record_consent(
        Command(caseworker, LATER + HOUR, version=held.version),
        one,
        consents.ConsentAnswer(
            purpose=ConsentPurpose.CONTACT, agreed=True, how=ConsentHow.SPOKEN, given_at=LATER + HOUR
        ),
    )
    assert casework.referral(one, SERVICE).state is not ReferralState.HELD


def merge_as_same(caseworker: Actor, one: UUID, other: UUID) -> None:
    """Merge records that contradict each other, as a senior caseworker who says why."""
    senior = Actor(
        database_role=caseworker.database_role,
        name=caseworker.name,
        user_id=caseworker.user_id,
        organisation_id=caseworker.organisation_id,
        role=Role.SENIOR,
        address=caseworker.address,
    )
    merge(senior, one, other, reason="She changed her name")


def test_what_can_not_be_merged_is_refused_and_nothing_changes(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    one, other = two_records(caseworker)
    unlike, linked = casework.recorded(caseworker), casework.recorded(caseworker)
    person_links.record_link(
        Command(caseworker, LATER),
        person_of(unlike),
        other_reference=casework.referral(linked, SERVICE).reference,
        role=LinkRole.WITNESS,
    )
    erased, restricted = two_records(caseworker)
    with owner() as session:
        session.get_one(Person, person_of(erased)).erased_at = MONDAY
        session.get_one(Referral, restricted).restricted = True
    senior = make_actor(Role.SENIOR)
    before = contents(owner)

    with pytest.raises(InvalidInput, match="one record already"):
        merge(caseworker, one, one)
    with pytest.raises(NotFound):
        merge(senior, one, erased, reason="The same")
    with pytest.raises(TransitionNotAllowed, match="can't merge these two"):
        merge(senior, one, restricted, reason="The same")
    with pytest.raises(InvalidInput, match="senior"):
        merge(caseworker, one, unlike, reason="The same")
    with pytest.raises(InvalidInput, match="why they are one person"):
        merge(senior, one, unlike)
    with pytest.raises(TransitionNotAllowed, match="linked"):
        merge(senior, unlike, linked, reason="The same")
    assert contents(owner) == before

    merge(caseworker, one, other)
    third = two_records(caseworker)[0]
    with pytest.raises(TransitionNotAllowed, match="already"):
        merge(senior, third, other, reason="The same")
    with pytest.raises(TransitionNotAllowed, match="other way round"):
        merge(senior, third, one, reason="The same")
    with pytest.raises(NotFound):
        merged_people.undo_merge(Command(caseworker, LATER), person_of(one), person_of(third), reason="No")


def test_proposals_are_listed_by_weight_and_two_people_are_never_proposed_again(
    caseworker: Actor, owner: Owner
) -> None:
    shared = {"given_name": "Marta", "phone": "07700 900201", "email": ""}
    rows = [
        feed_row(**shared, family_name="Okafor", postcode="ST16 1AA"),
        feed_row(**shared, family_name="Okafer", postcode="B79 1AA"),
    ]
    for row in rows:
        import_rows(row)
    known, new = (imported_referral(row) for row in rows)
    with transaction(caseworker) as session:
        found, has_more = proposed_duplicates(session)
    assert [(each.referral_id, has_more) for each in found] == [(new.id, False)]
    assert found[0].why == "same phone and birth date, name one letter different, another postcode"
    assert found[0].weight > 0

    tasks.record_identity_decision(
        Command(caseworker, LATER),
        new.id,
        task_id=found[0].task_id,
        decision=IdentityDecision.DIFFERENT_PEOPLE,
    )

    lower, higher = sorted((known.person_id, new.person_id))
    with owner() as session:
        kept = session.execute(select(PersonDistinction.lower_id, PersonDistinction.higher_id)).all()
        assert [tuple(pair) for pair in kept] == [(lower, higher)]
        assert session.scalars(select(Task.done_at)).all() != [None]
    with transaction(caseworker) as session:
        assert proposed_duplicates(session) == ((), False)


def test_a_merge_answers_its_own_proposal_and_ends_no_other_task(caseworker: Actor) -> None:
    shared = {"given_name": "Marta", "phone": "07700 900201", "email": "", "date_of_birth": "1984-02-11"}
    known, new = feed_row(**shared, family_name="Okafor"), feed_row(**shared, family_name="Okafer")
    import_rows(known)
    import_rows(new)
    one, other = imported_referral(known).id, imported_referral(new).id
    before = casework.open_tasks(one, caseworker) + casework.open_tasks(other, caseworker)
    assert TaskKind.POSSIBLE_SAME_PERSON in before

    merge(caseworker, one, other)

    after = casework.open_tasks(one, caseworker) + casework.open_tasks(other, caseworker)
    assert TaskKind.POSSIBLE_SAME_PERSON not in after
    assert set(before) - {TaskKind.POSSIBLE_SAME_PERSON} <= set(after)


def test_a_correction_that_makes_a_person_look_like_another_asks_once_and_no_more_once_told_apart(
    caseworker: Actor,
) -> None:
    document = casework.person_document(given_name="Marta", family_name="Okafor")
    known = casework.recorded(caseworker, person=document)
    typed = {**document, "family_name": "Quill", "given_name": "Alba", "date_of_birth": "1999-01-02"}
    other = casework.recorded(caseworker, person=typed)

    def correct(minutes: int, **changes: str) -> None:
        corrections.correct_details(
            Command(
                caseworker,
                LATER + timedelta(minutes=minutes),
                version=casework.referral(other, SERVICE).version,
            ),
            other,
            changes,
        )

    correct(1, town="Stone")
    assert TaskKind.POSSIBLE_SAME_PERSON not in casework.open_tasks(other, caseworker)
    correct(2, given_name="Marta", family_name="Okafer", date_of_birth=document["date_of_birth"])
    with transaction(caseworker) as session:
        found, _ = proposed_duplicates(session)
    assert [each.referral_id for each in found] == [other]

    tasks.record_identity_decision(
        Command(caseworker, LATER + HOUR),
        other,
        task_id=found[0].task_id,
        decision=IdentityDecision.DIFFERENT_PEOPLE,
    )
    correct(90, family_name="Okafor")
    assert TaskKind.POSSIBLE_SAME_PERSON not in casework.open_tasks(other, caseworker)
    assert TaskKind.POSSIBLE_SAME_PERSON not in casework.open_tasks(known, caseworker)


def test_what_was_recorded_to_protect_the_person_while_merged_stands_for_both_after(
    caseworker: Actor, owner: Owner
) -> None:
    one, other = two_records(caseworker)
    suspect = casework.recorded(caseworker)
    merge(caseworker, one, other)
    during = LATER + timedelta(minutes=5)
    # On the page of the record that was kept, of a number that no plan names: what is safe now stays so.
    person_links.record_suspect_contact(
        Command(caseworker, during),
        person_of(one),
        phone="07700 900432",
        email=None,
        whose=LinkRole.SUSPECT,
    )
    person_links.record_link(
        Command(caseworker, during),
        person_of(one),
        other_reference=casework.referral(suspect, SERVICE).reference,
        role=LinkRole.SUSPECT,
    )
    consents.record_consent(
        Command(caseworker, during, version=casework.referral(one, SERVICE).version),
        one,
        consents.ConsentAnswer(
            purpose=ConsentPurpose.CONTACT, agreed=False, how=ConsentHow.SPOKEN, given_at=during
        ),
    )
    assert plan_in_force(person_of(other))[0].safe is SafeAnswer.YES

    merged_people.undo_merge(
        Command(caseworker, LATER + HOUR), person_of(one), person_of(other), reason="Two people"
    )

    pair = {person_of(one), person_of(other)}
    for each in (one, other):
        plan, _ = plan_in_force(person_of(each))
        assert (plan.safe, plan.safe_channels) == (SafeAnswer.UNKNOWN, [])
        assert TaskKind.SAFE_CONTACT_CHECK in casework.open_tasks(each, caseworker)
        with transaction(caseworker) as session:
            assert contact_consent(session, person_of_row(session, each)) is False
    with owner() as session:
        recorded = session.scalars(select(SuspectContact.person_id)).all()
        linked = session.scalars(
            select(PersonLink.person_id).where(PersonLink.role == LinkRole.SUSPECT)
        ).all()
    assert (set(recorded), set(linked)) == (pair, pair)
    assert (len(recorded), len(linked)) == (2, 2)


def person_of_row(session: Session, referral_id: UUID) -> UUID:
    return session.get_one(Referral, referral_id).person_id


def test_of_one_safe_adult_the_stricter_answer_counts_in_both_records_until_the_merge_is_undone(
    caseworker: Actor, make_actor: MakeActor
) -> None:
    adult = {
        "date_of_birth": "2013-03-02",
        "guardian_name": "Sam Example",
        "guardian_relationship": "Uncle",
        "guardian_phone": "07700 900655",
        "guardian_safe_to_contact": "yes",
    }
    document = casework.person_document(**adult)
    one = casework.recorded(caseworker, person=document)
    unlike = {"guardian_name": "sam  example", "guardian_phone": "", "guardian_safe_to_contact": "no"}
    other = casework.recorded(caseworker, person={**document, **unlike})
    with transaction(caseworker) as session:
        pair = [person_of_row(session, each) for each in (one, other)]
        preview = merge_preview.preview_merge(session, *pair, user_id=caseworker.user_id)
    shown = {field.label: field for field in preview.fields}["Safe adult"]
    assert (shown.kept, shown.merged) == (
        "Sam Example, Uncle, safe to contact",
        "sam  example, Uncle, not safe to contact",
    )
    assert not shown.is_same

    merge(caseworker, one, other)

    assert HeldReason.CHILD_WITHOUT_SAFE_ADULT in casework.referral(one, SERVICE).standing_reasons
    another = SafeAdult("Ann Example", "Aunt", SafeAnswer.YES, phone="07700 900656")

    def name_another(actor: Actor, reason: str | None = None) -> None:
        version = casework.referral(one, SERVICE).version
        safe_adult.record_safe_adult(
            Command(actor, LATER + HOUR, version=version), one, another, reason=reason
        )

    with pytest.raises(InvalidInput, match="senior"):
        name_another(caseworker)

    merged_people.undo_merge(Command(caseworker, LATER + HOUR), *pair, reason="Two children of one name")
    assert casework.referral(one, SERVICE).standing_reasons == ()
    assert HeldReason.CHILD_WITHOUT_SAFE_ADULT in casework.referral(other, SERVICE).standing_reasons
    name_another(caseworker)

    # Another record of the person says that the adult is not safe: this one alone is not enough to leave it.
    merged_people.merge_people(
        Command(make_actor(Role.SENIOR), LATER + 2 * HOUR), *pair, reason="The same all the same"
    )
    with pytest.raises(InvalidInput, match="senior"):
        name_another(caseworker)
    name_another(make_actor(Role.SENIOR), "Sam is not the aunt")


def test_what_protects_a_child_on_one_record_counts_on_every_record_whoever_says_it(
    caseworker: Actor, make_actor: MakeActor
) -> None:
    adult = {
        "guardian_name": "Sam Example",
        "guardian_relationship": "Uncle",
        "guardian_phone": "07700 900655",
        "guardian_safe_to_contact": "yes",
    }
    row = feed_row(victim_type="person", date_of_birth="2013-03-02", consent_to_referral="yes", **adult)
    import_rows(row)
    imported = imported_referral(row).id
    named = {key: row[key] for key in ("given_name", "family_name", "date_of_birth", "phone")}
    typed = casework.recorded(caseworker, person=casework.person_document(**named, **adult))
    merge(caseworker, typed, imported)
    senior, waits = make_actor(Role.SENIOR), HeldReason.CHILD_WITHOUT_SAFE_ADULT

    def lack_safe_adult(*referrals: UUID) -> list[bool]:
        return [waits in casework.referral(each, SERVICE).standing_reasons for each in referrals]

    def name_adult(referral_id: UUID, safe: SafeAnswer, hours: int) -> None:
        version = casework.referral(referral_id, SERVICE).version
        safe_adult.record_safe_adult(
            Command(senior, LATER + hours * HOUR, version=version),
            referral_id,
            SafeAdult("Sam Example", "Uncle", safe, phone="07700 900655"),
            reason="Asked the school",
        )

    assert lack_safe_adult(typed, imported) == [False, False]
    # A file says it of one record.
    import_rows({**row, "guardian_safe_to_contact": "no"}, at=LATER + HOUR)
    assert lack_safe_adult(typed, imported) == [True, True]
    # No file takes it back; a senior does, of each record.
    import_rows({**row, "guardian_safe_to_contact": "yes"}, at=LATER + 2 * HOUR)
    assert lack_safe_adult(typed, imported) == [True, True]
    name_adult(imported, SafeAnswer.YES, 3)
    name_adult(typed, SafeAnswer.YES, 4)
    assert lack_safe_adult(typed, imported) == [False, False]
    # The page of the safe adult, and the form of another referral.
    name_adult(typed, SafeAnswer.NO, 5)
    assert lack_safe_adult(typed, imported) == [True, True]
    name_adult(imported, SafeAnswer.YES, 6)
    name_adult(typed, SafeAnswer.YES, 7)
    with transaction(caseworker) as session:
        person_id = person_of_row(session, typed)
    unsafe = casework.person_document(**named, **{**adult, "guardian_safe_to_contact": "no"})
    again = casework.recorded(caseworker, at=LATER + 8 * HOUR, person_id=person_id, person=unsafe)
    assert lack_safe_adult(typed, imported, again) == [True, True, True]
    # A death is the person's, too.
    import_rows({**row, "deceased": "yes"}, at=LATER + 9 * HOUR)
    assert HeldReason.PERSON_DIED in casework.referral(typed, SERVICE).standing_reasons
