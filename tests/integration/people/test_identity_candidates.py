"""Who is proposed as the same person when a feed is imported, and who never is."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import event, select

from tests.factories.feeds import feed_row
from tests.factories.imports import IMPORTER, import_rows, imported_referral
from tests.plumbing.apps import Owner
from victim_gateway.database.transaction import transaction
from victim_gateway.models import Person, Task
from victim_gateway.vocabulary import TaskKind

BORN = "1988-03-03"


def victim(name: str, born: str = BORN, **more: str) -> dict[str, str]:
    """A row of somebody of whom only name and birth date are given; `name` is `Given|Family`."""
    given_name, _, family_name = name.partition("|")
    bare = {"phone": "", "email": "", "postcode": "", "crime_number": "", "victim_reference": ""}
    return feed_row(
        **{**bare, "given_name": given_name, "family_name": family_name, "date_of_birth": born, **more}
    )


def proposals_for(row: dict[str, str]) -> list[dict[str, Any]]:
    """The people that the task of a row's referral proposes, as its details name them."""
    referral = imported_referral(row)
    with transaction(IMPORTER) as session:
        tasks = session.scalars(
            select(Task).where(Task.referral_id == referral.id, Task.kind == TaskKind.POSSIBLE_SAME_PERSON)
        ).all()
    return [person for task in tasks for person in task.details["people"]]


def proposed(row: dict[str, str]) -> list[UUID]:
    return [UUID(person["person_id"]) for person in proposals_for(row)]


def person_of(row: dict[str, str]) -> UUID:
    return imported_referral(row).person_id


SPELLINGS = [
    ("Siobhán|O'Brien", "Siobhan|O’Brien", "SIOBHAN|OBRIEN", "Siobhan|O Brien"),
    ("Ann-Marie|Smith-Jones", "Ann Marie|Smith Jones"),
    ("Zbigniew|Żółć", "Zbigniew|Zolc"),
    ("Mr John|Smith", "Smith, John|"),
    ("Søren|Ørsted", "Soren|Orsted"),
    ("Łukasz|Wójcik", "Lukasz|Wojcik"),
    ("Đorđe|Þórsson", "Dorde|Thorsson"),
    ("Æthel|Strauß", "Aethel|Strauss"),
]


@pytest.mark.parametrize("names", SPELLINGS, ids=lambda names: names[-1])
@pytest.mark.parametrize("files", ["one file", "a file each"])
def test_every_spelling_of_a_name_with_one_birth_date_is_proposed(
    app: Flask, names: tuple[str, ...], files: str
) -> None:
    rows = [victim(name) for name in names]
    for some in [rows] if files == "one file" else [[row] for row in rows]:
        import_rows(*some)

    for place, row in enumerate(rows):
        assert set(proposed(row)) == {person_of(earlier) for earlier in rows[:place]}


def test_placeholders_for_a_missing_name_are_not_proposed(app: Flask) -> None:
    rows = [victim("N/A|Unknown"), victim("NULL|NULL"), victim("J|."), victim("-|-"), victim("Baby|Unknown")]
    import_rows(*rows)
    assert [proposed(row) for row in rows] == [[]] * len(rows)


def test_a_near_spelling_with_the_same_phone_is_proposed_with_its_reason(app: Flask) -> None:
    first = victim("Marta|Okafor", phone="07700 900201")
    second = victim("Marta|Okafer", phone="+44 7700 900201")
    import_rows(first)
    import_rows(second)

    [person] = proposals_for(second)
    assert UUID(person["person_id"]) == person_of(first)
    assert person["explanation"] == [
        "phone:exact_match",
        "birth_date:exact_match",
        "name:damerau_levenshtein_1",
    ]
    assert person["weight"] > 20


def test_a_task_holds_no_personal_value(app: Flask) -> None:
    first = victim("Marta|Okafor", phone="07700 900201", email="marta@example.org", postcode="ST16 1AA")
    import_rows(first)
    import_rows({**first, "feed_reference": "another"})
    with transaction(IMPORTER) as session:
        details = str(session.scalars(select(Task.details).where(Task.kind == "possible_same_person")).one())
    assert not re.search(r"Marta|Okafor|900201|example|ST16|1988", details)


def test_mother_and_daughter_at_one_phone_are_not_proposed(app: Flask) -> None:
    mother = victim("Ann|Marsh", "1960-05-05", phone="07700 900201", postcode="ST16 1AA")
    daughter = victim("Kelly|Marsh", "1988-09-12", phone="07700 900201", postcode="ST16 1AA")
    import_rows(mother)
    import_rows(daughter)
    assert person_of(mother) != person_of(daughter)
    assert proposed(daughter) == []


def test_twins_are_two_people_and_not_proposed(app: Flask) -> None:
    shared = {"phone": "07700 900201", "postcode": "ST16 1AA", "crime_number": "21/77/26"}
    one, other = victim("Anna|Marsh", **shared), victim("Beth|Marsh", **shared)
    import_rows(one, other)
    assert person_of(one) != person_of(other)
    assert proposed(one) == proposed(other) == []


def test_twins_whose_names_are_a_letter_apart_are_proposed_at_most(app: Flask) -> None:
    one, other = victim("Jean|Marsh", phone="07700 900201"), victim("Joan|Marsh", phone="07700 900201")
    import_rows(one, other)
    assert person_of(one) != person_of(other)
    assert proposed(other) == [person_of(one)]


def test_one_name_with_two_birth_dates_is_not_proposed(app: Flask) -> None:
    one, other = victim("John|Smith", "1950-01-07"), victim("John|Smith", "1979-11-30")
    import_rows(one)
    import_rows(other)
    assert proposed(other) == []


@pytest.mark.parametrize(("stored", "given"), [("V00123", "V123"), ("123", "000123"), ("0099", "99")])
@pytest.mark.parametrize("files", ["one file", "a file each"])
def test_a_reference_that_differs_by_leading_zeros_is_proposed(
    app: Flask, stored: str, given: str, files: str
) -> None:
    one = victim("Marta|Okafor", victim_reference=stored, date_of_birth="")
    other = victim("Marta|Okafor", victim_reference=given, date_of_birth="")
    for rows in [[one, other]] if files == "one file" else [[one], [other]]:
        import_rows(*rows)
    assert person_of(one) != person_of(other)
    assert proposed(other) == [person_of(one)]


def test_a_crime_number_with_a_similar_name_is_proposed(app: Flask) -> None:
    one = victim("Marta|Okafor", "", crime_number="21/3201/26")
    other = victim("M|Okafor", "", crime_number="21 3201 26")
    import_rows(one)
    import_rows(other)
    assert proposed(other) == [person_of(one)]


def test_a_number_that_many_people_have_proposes_nobody(app: Flask) -> None:
    """A hostel, a police station: eight people of one family name, no birth dates."""
    hostel = [victim("Ann|Marsh", "", phone="07700 900201") for _ in range(8)]
    import_rows(*hostel[:4])
    import_rows(*hostel[4:])
    assert proposed(hostel[-1]) == []


def test_a_common_name_and_birth_date_is_no_help(app: Flask) -> None:
    many = [victim("John|Smith") for _ in range(8)]
    import_rows(*many)
    assert proposed(many[-1]) == []


def test_the_best_match_comes_first(app: Flask) -> None:
    likely = victim("Marta|Okafer")
    certain = victim("Marta|Okafor", phone="07700 900201")
    import_rows(likely, certain)
    third = victim("Marta|Okafor", phone="07700 900201")
    import_rows(third)
    assert proposed(third) == [person_of(certain), person_of(likely)]


def test_restricted_and_erased_people_are_never_proposed(app: Flask, owner: Owner) -> None:
    hidden, erased = victim("Marta|Okafor"), victim("Marta|Okafor")
    import_rows(hidden)
    import_rows(erased)
    with owner() as session:
        session.get_one(Person, person_of(hidden)).restricted = True
        gone = session.get_one(Person, person_of(erased))
        gone.erased_at = gone.created_at
    third = victim("Marta|Okafor")
    import_rows(third)
    assert proposed(third) == []


def test_looking_for_candidates_takes_as_many_queries_for_fifty_rows_as_for_two(app: Flask) -> None:
    def statements(rows: list[dict[str, str]]) -> int:
        seen: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if "LATERAL" in statement:
                seen.append(statement)

        with transaction(IMPORTER) as session:
            engine = session.get_bind().engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            import_rows(*rows)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return len(seen)

    assert statements([feed_row(), feed_row()]) == statements([feed_row() for _ in range(50)]) == 6
