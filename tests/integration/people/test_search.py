"""Finding people: whole names, near spellings, beginnings, parts of numbers; and only those the reader may see."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from tests.factories import casework
from tests.factories.casework import DAY, MONDAY
from tests.factories.feeds import feed_row
from tests.factories.imports import IMPORTED_AT, import_rows, imported_referral
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import AuditEntry, Person, Referral, ReferralAccess
from victim_gateway.queries.people.search import FoundPerson, SearchResults, matching_people, search_people
from victim_gateway.services.people.search_index import index_waiting_people
from victim_gateway.services.referrals import corrections
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

TODAY = date(2026, 3, 10)
SERVICE = Actor.worker("tests")
LOOKUPS = {
    "find_by_name_tokens(ARRAY[[1]], 1)",
    "find_by_search_parts(ARRAY[[1]], 1)",
    "find_by_similar_name(ARRAY[1], ARRAY[[1]], 1, 1)",
    "find_by_phone('\\x00', 1)",
    "find_by_reference_parts(ARRAY[1], 1)",
}


@pytest.fixture
def caseworker(app: Flask, make_actor: MakeActor) -> Actor:
    return make_actor(Role.CASEWORKER)


def search(actor: Actor, typed: str) -> SearchResults:
    with transaction(actor) as session:
        return search_people(session, typed, today=TODAY)


def matches(actor: Actor, typed: str) -> dict[str, tuple[str, ...]]:
    return {person.name: person.matched for person in search(actor, typed).people}


def recorded(actor: Actor, given_name: str, family_name: str, **more: str) -> UUID:
    person = casework.person_document(given_name=given_name, family_name=family_name, **more)
    return casework.recorded(actor, person=person)


def person_of(referral_id: UUID) -> UUID:
    return casework.referral(referral_id, SERVICE).person_id


@pytest.mark.parametrize(
    ("given_name", "family_name", "typed"),
    [
        ("Łukasz", "Wójcik", "Lukasz"),
        ("Lukasz", "Wojcik", "Łukasz Wójcik"),
        ("Søren", "Ørsted", "orsted soren"),
        ("Siobhán", "O’Brien", "SIOBHAN OBRIEN"),
        ("Siobhan", "OBRIEN", "O'Brien"),
        ("Siobhan", "O'Brien", "O Brien"),
        ("Siobhan", "O Brien", "o’brien, siobhán"),
        ("Ann-Marie", "Smith-Jones", "annmarie smithjones"),
        ("Annmarie", "Smithjones", "Ann Marie Smith-Jones"),
        ("Shane", "St John", "Saint John"),
        ("Ian", "Mc Donald", "McDonald"),
        ("Weronika", "Weiß", "weiss"),
        ("محمد", "الحسن", "محمد"),
        ("Mr John", "Bickerstaff", "Mr  Bickerstaff"),
    ],
)
def test_a_name_is_found_however_it_is_written(
    caseworker: Actor, given_name: str, family_name: str, typed: str
) -> None:
    recorded(caseworker, given_name, family_name)
    assert matches(caseworker, typed) == {f"{given_name} {family_name}": ("name",)}


@pytest.mark.parametrize(
    "typed",
    [
        "Bartholomew Hancok",
        "Bartholomew Hanncock",
        "Batrholomew Hancock",
        "Bartholomew Hsncock",
        "hancok",
        "Hamcock",
    ],
)
def test_a_name_with_a_slip_is_found_and_offered(caseworker: Actor, typed: str) -> None:
    recorded(caseworker, "Bartholomew", "Hancock")
    recorded(caseworker, "Priscilla", "Venkataraman")
    results = search(caseworker, typed)
    assert [(person.name, person.matched) for person in results.people] == [
        ("Bartholomew Hancock", ("similar name",))
    ]
    assert results.suggestions == ("Bartholomew Hancock",)


def test_a_short_name_with_a_slip_is_found(caseworker: Actor) -> None:
    recorded(caseworker, "Bartholomew", "Lowe")
    assert matches(caseworker, "Lwoe") == {"Bartholomew Lowe": ("similar name",)}


def test_mac_and_mc_find_each_other_as_similar(caseworker: Actor) -> None:
    recorded(caseworker, "Bartholomew", "MacKay")
    assert matches(caseworker, "McKay") == {"Bartholomew MacKay": ("similar name",)}


def test_whole_names_come_before_beginnings_and_those_before_near_spellings(caseworker: Actor) -> None:
    for family_name in ("Hanson", "Hansonby", "Hansen"):
        recorded(caseworker, "Bartholomew", family_name)
    results = search(caseworker, "Bartholomew Hanson")
    assert [(person.name, person.matched[0]) for person in results.people] == [
        ("Bartholomew Hanson", "name"),
        ("Bartholomew Hansonby", "beginning of a name"),
        ("Bartholomew Hansen", "similar name"),
    ]
    assert results.suggestions == ()


def test_beginnings_of_names_are_enough(caseworker: Actor) -> None:
    recorded(caseworker, "Khadija", "Hollinshead")
    assert matches(caseworker, "holl kha") == {"Khadija Hollinshead": ("beginning of a name",)}
    assert matches(caseworker, "kh") == {"Khadija Hollinshead": ("beginning of a name",)}


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("07700 900461", "phone number"),
        ("0461", "phone ends in 0461"),
        ("900461", "phone ends in 900461"),
        ("00461", "phone ends in 00461"),
    ],
)
def test_the_last_digits_of_a_phone_number_are_enough(caseworker: Actor, typed: str, label: str) -> None:
    recorded(caseworker, "Khadija", "Hollinshead", phone="07700 900461")
    recorded(caseworker, "Lionel", "Brothwell", phone="07700 900462")
    assert matches(caseworker, typed) == {"Khadija Hollinshead": (label,)}


def test_a_crime_number_and_the_forces_reference_are_found_whole_and_in_part(caseworker: Actor) -> None:
    row = feed_row(feed_reference="SP-778812", crime_number="21/334455/26")
    import_rows(row, feed_row(feed_reference="SP-991122", crime_number="21/667788/26"))
    name = f"{row['given_name']} {row['family_name']}"
    assert matches(caseworker, "21/334455/26") == {name: ("crime number",)}
    assert matches(caseworker, "334455") == {name: ("crime number in part",)}
    assert matches(caseworker, "sp-778812") == {name: ("force's reference",)}
    assert matches(caseworker, "7788")[name] == ("force's reference in part",)


def test_a_corrected_crime_number_is_the_one_that_is_found(caseworker: Actor) -> None:
    row = feed_row(crime_number="21/334455/26")
    import_rows(row)
    referral = imported_referral(row)
    version = casework.referral(referral.id, caseworker).version
    corrections.correct_details(
        Command(caseworker, IMPORTED_AT, version=version), referral.id, {"crime_number": "21/998877/26"}
    )
    import_rows({**row, "crime_number": "21/112233/26"}, at=IMPORTED_AT + DAY)
    assert matches(caseworker, "998877")
    assert not matches(caseworker, "334455")
    assert not matches(caseworker, "112233")


def test_more_ways_of_matching_come_first(caseworker: Actor) -> None:
    recorded(caseworker, "Robin", "Testcase", postcode="ST16 1AB", date_of_birth="1971-01-01")
    recorded(caseworker, "Robin", "Testcase", postcode="ST16 1AA", date_of_birth="1972-01-01")
    first, second = search(caseworker, "Robin Testcase ST16 1AA").people
    assert (first.matched, second.matched) == (("name", "postcode"), ("name",))


def test_a_corrected_name_is_found_and_the_old_one_is_not(caseworker: Actor) -> None:
    referral_id = recorded(caseworker, "Bartholomew", "Venkataraman")
    version = casework.referral(referral_id, caseworker).version
    corrections.correct_details(
        Command(caseworker, MONDAY + DAY, version=version), referral_id, {"family_name": "Hollinshead"}
    )
    assert matches(caseworker, "Holinshead") == {"Bartholomew Hollinshead": ("similar name",)}
    assert matches(caseworker, "Venkatarman") == {}


def restrict(owner: Owner, referral_id: UUID, *named: UUID | None) -> None:
    with owner() as session:
        referral = session.get_one(Referral, referral_id)
        referral.restricted = True
        session.get_one(Person, referral.person_id).restricted = True
        for user_id in named:
            session.add(ReferralAccess(referral_id=referral_id, user_id=user_id, granted_at=MONDAY))


ASKED = ("Bartholomew Hancock", "Bartholomew Hancok", "Hanc", "07700 900461", "0461", "778812", "ST16 1AA")


def known_referral() -> UUID:
    row = feed_row(
        given_name="Bartholomew",
        family_name="Hancock",
        phone="07700 900461",
        feed_reference="SP-778812",
        postcode="ST16 1AA",
    )
    import_rows(row)
    return imported_referral(row).id


@pytest.mark.parametrize("typed", ASKED)
def test_a_restricted_person_is_found_by_the_named_few_only(
    caseworker: Actor, make_actor: MakeActor, owner: Owner, typed: str
) -> None:
    referral_id = known_referral()
    assert matches(caseworker, typed)
    named = make_actor(Role.CASEWORKER)
    restrict(owner, referral_id, named.user_id)
    assert matches(named, typed)
    assert matches(caseworker, typed) == {}


@pytest.mark.parametrize("typed", ASKED)
def test_an_erased_person_is_not_found(caseworker: Actor, owner: Owner, typed: str) -> None:
    person_id = person_of(known_referral())
    assert matches(caseworker, typed)
    with owner() as session:
        session.execute(update(Person).where(Person.id == person_id).values(erased_at=MONDAY))
    assert matches(caseworker, typed) == {}


def test_the_look_ups_give_no_id_of_a_person_the_reader_may_not_see(caseworker: Actor, owner: Owner) -> None:
    """Not even to a program that asks the database without joining the answer to a table."""
    referral_id = known_referral()
    every_token = text(
        "SELECT person_id FROM find_by_name_tokens(ARRAY[(SELECT name_tokens FROM person)], 9)"
    )
    with transaction(caseworker) as session:
        tokens = session.scalars(select(Person.name_tokens)).one()
        assert len(session.execute(every_token).all()) == 1
    restrict(owner, referral_id)
    with transaction(caseworker) as session:
        asked = text("SELECT person_id FROM find_by_name_tokens(ARRAY[CAST(:tokens AS integer[])], 9)")
        assert session.execute(asked, {"tokens": tokens}).all() == []


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ADMIN, Role.AUDITOR, Role.PROVIDER])
@pytest.mark.parametrize("call", sorted(LOOKUPS))
def test_only_caseworkers_may_call_the_look_ups(
    app: Flask, make_actor: MakeActor, role: Role, call: str
) -> None:
    with pytest.raises(DBAPIError, match="permission denied"), transaction(make_actor(role)) as session:
        session.execute(text(f"SELECT * FROM {call}"))


@pytest.mark.parametrize("call", sorted(LOOKUPS))
def test_no_look_up_reads_a_whole_table_under_the_caseworkers_role(caseworker: Actor, call: str) -> None:
    """A condition on an array under row-level security would: no index serves it. Nobody has these numbers."""
    known_referral()
    read = text(
        "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
        " WHERE relname IN ('person', 'referral')"
    )
    with transaction(caseworker) as session:
        before = session.scalar(read)
        session.execute(text(f"SELECT * FROM {call}"))
        assert session.scalar(read) == before


def test_a_search_is_audited_without_what_was_typed(caseworker: Actor, owner: Owner) -> None:
    recorded(caseworker, "Bartholomew", "Hancock", phone="07700 900461")
    search(caseworker, "Hancok")
    search(caseworker, "0461")
    with owner() as session:
        entries = session.scalars(
            select(AuditEntry.entry)
            .where(AuditEntry.action == "people.searched")
            .order_by(AuditEntry.sequence)
        ).all()
    assert ["similar name" in entry for entry in entries] == [True, False]
    assert ["phone ends in" in entry for entry in entries] == [False, True]
    assert all("ancok" not in entry and "0461" not in entry for entry in entries)


@pytest.mark.parametrize("lose", ["person", "referral"])
def test_people_stored_by_an_earlier_release_are_indexed_by_the_pass(
    caseworker: Actor, owner: Owner, lose: str
) -> None:
    known_referral()
    with owner() as session:
        session.execute(text(f"UPDATE {lose} SET search_parts = NULL"))
    typed = {"person": "Bartholomew Hancok", "referral": "778812"}[lose]
    assert matches(caseworker, typed) == {}
    assert index_waiting_people(actor=SERVICE) == 1
    assert matches(caseworker, typed)
    assert index_waiting_people(actor=SERVICE) == 0


def test_the_pass_ends_after_what_it_may_do_and_goes_on_the_next_time(
    caseworker: Actor, owner: Owner
) -> None:
    for number in range(5):
        recorded(caseworker, "Bartholomew", f"Hancock{number}")
    with owner() as session:
        session.execute(text("UPDATE person SET search_parts = NULL"))
    assert [index_waiting_people(actor=SERVICE, at_most=3) for _ in range(3)] == [3, 2, 0]


def proposed(actor: Actor, **document: str) -> list[FoundPerson]:
    with transaction(actor) as session:
        return list(matching_people(session, document, today=TODAY))


def test_a_similar_name_with_the_same_birth_date_is_proposed_before_a_person_is_made(
    caseworker: Actor,
) -> None:
    recorded(caseworker, "Łukasz", "Wójcik", date_of_birth="1988-03-03")
    recorded(caseworker, "Lucas", "Wojcik", date_of_birth="1999-09-09")
    same = proposed(caseworker, given_name="Lukazs", family_name="Wojcik", date_of_birth="1988-03-03")
    assert [(person.name, person.matched) for person in same] == [
        ("Łukasz Wójcik", ("same birth date", "name one letter different"))
    ]


def test_a_similar_name_alone_or_a_birthday_alone_is_not_proposed(caseworker: Actor) -> None:
    recorded(caseworker, "Łukasz", "Wójcik", date_of_birth="1988-03-03")
    assert proposed(caseworker, given_name="Lukas", family_name="Wojcik", date_of_birth="1988-03-04") == []
    assert proposed(caseworker, given_name="Priya", family_name="Danso", date_of_birth="1988-03-03") == []


def test_a_common_name_does_not_hide_the_one_with_the_same_birth_date(
    caseworker: Actor, owner: Owner
) -> None:
    wanted = recorded(caseworker, "Robin", "Smith", date_of_birth="1988-03-03")
    import_rows(
        *[feed_row(given_name="Robin", family_name="Smith", date_of_birth="1970-01-01") for _ in range(60)]
    )
    first = proposed(caseworker, given_name="Robin", family_name="Smith", date_of_birth="1988-03-03")[0]
    assert (first.person_id, first.matched) == (person_of(wanted), ("same birth date", "same name"))
