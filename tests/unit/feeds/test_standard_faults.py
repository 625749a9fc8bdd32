"""The faults that the police's own data standard says a feed will contain, each with what becomes of it."""

from __future__ import annotations

import pytest

from tests.unit.feeds.samples import accepted, lost
from victim_gateway.schemas.referral_rows import COLUMN_READERS


def warned(**cells: str) -> list[tuple[str, str]]:
    return accepted(**cells)[1]


def test_fault_1_a_title_before_the_forename_is_moved() -> None:
    row, warnings = accepted(given_name="Dr Asha", family_name="Rao")
    assert (row.title, row.given_name, warnings) == ("Dr", "Asha", [("given_name", "title_moved")])
    row, _ = accepted(title="Mrs", given_name="mrs. Asha")
    assert (row.title, row.given_name) == ("Mrs", "Asha")
    assert accepted(given_name="Lady")[0].given_name == "Lady"


def test_fault_2_a_business_as_a_person_is_kept_and_said() -> None:
    row, warnings = accepted(given_name="Mr Tesco", family_name="Express")
    assert (row.given_name, row.family_name) == ("Tesco", "Express")
    assert ("family_name", "name_of_business") in warnings
    assert warned(victim_type="business", family_name="Tesco Express") == []


@pytest.mark.parametrize("text", ["?", "XXX", "***"])
def test_fault_3_signs_where_nothing_is_known_are_blank(text: str) -> None:
    assert accepted(town=text)[0].town is None
    assert warned(town=text) == []


@pytest.mark.parametrize("text", ["Log 231 of 14/10", "#bob", 'Robert "Bob"', "B0b", "Bob (dog)"])
def test_faults_4_6_and_7_what_is_hardly_a_name_is_kept_and_said(text: str) -> None:
    row, warnings = accepted(given_name=text)
    assert row.given_name == text
    assert "given_name" in {column for column, _ in warnings}


@pytest.mark.parametrize("text", ["Anna & Tom", "Anna and Tom", "Anna/Tom", "Anna + Tom"])
def test_fault_5_several_people_in_one_name_are_said(text: str) -> None:
    assert warned(given_name=text) == [("given_name", "several_people")]


def test_fault_7_an_animal_is_said() -> None:
    assert warned(given_name="Rex", family_name="police dog") == [("family_name", "name_of_business")]


def test_fault_8_unknown_unknown_is_nobody() -> None:
    row, warnings = accepted(given_name="Unknown", family_name="Unknown")
    assert (row.given_name, row.family_name) == (None, None)
    assert warnings == [("given_name", "placeholder"), ("family_name", "placeholder")]


@pytest.mark.parametrize(
    "text",
    [
        "00000000000",
        "07777777777",
        "07000000000",
        "1234567890",
        "01234567890",
        "+44 7777 777777",
        "11111111111",
    ],
)
def test_fault_9_an_invented_phone_is_no_phone(text: str) -> None:
    row, warnings = accepted(phone=text)
    assert (row.phone, warnings, row.unread) == (None, [("phone", "placeholder")], frozenset())


def test_fault_10_a_phone_without_dialling_code_cannot_be_used() -> None:
    assert lost("phone", "812345") == "unreadable"


@pytest.mark.parametrize("text", ["AA1 1AA", "ZZ99 3VZ"])
def test_fault_11_an_invented_postcode_is_no_postcode(text: str) -> None:
    row, warnings = accepted(postcode=text)
    assert (row.postcode, warnings) == (None, [("postcode", "placeholder")])


@pytest.mark.parametrize("text", ["r/o the Co-op", "Stafford Police Station", "Opp. the bus stop"])
def test_faults_12_and_21_an_address_that_post_does_not_reach_is_kept_and_said(text: str) -> None:
    row, warnings = accepted(address_line_1=text)
    assert (row.address_line_1, warnings) == (text, [("address_line_1", "not_an_address")])


def test_fault_13_the_day_of_the_report_as_birth_date_is_kept_and_said() -> None:
    row, warnings = accepted(date_of_birth="2026-03-01")
    assert row.date_of_birth is not None
    assert warnings == [("date_of_birth", "newborn")]


def test_fault_14_an_event_in_the_future_is_left_empty() -> None:
    assert lost("acknowledged_at", "2027-01-01T10:00") == "in_future"


def test_fault_15_a_row_tied_to_no_crime_or_incident_is_said() -> None:
    assert warned(crime_number="", incident_number="N/A") == [("crime_number", "no_crime_or_incident")]
    assert warned(crime_number="21/1/26", incident_number="") == []
    assert warned(crime_number="") == []


def test_fault_17_abbreviations_in_notes_stand_as_given() -> None:
    note = "IP NFA'd, DV mkr, c/b l8r"
    assert accepted(safe_contact_note=note)[0].safe_contact_note == note


def test_fault_18_an_age_that_contradicts_the_birth_date_is_said() -> None:
    assert warned(date_of_birth="1990-01-01", age="12") == [("date_of_birth", "impossible")]
    assert warned(date_of_birth="1990-01-01", age="36") == []
    row, warnings = accepted(date_of_birth="01/01/1900")
    assert (row.date_of_birth, warnings) == (None, [("date_of_birth", "placeholder")])


def test_fault_19_a_name_of_exactly_35_letters_may_be_cut() -> None:
    assert warned(family_name="A" * 35) == [("family_name", "cut_off")]
    assert warned(organisation_name="B" * 35) == [("organisation_name", "cut_off")]
    assert warned(family_name="A" * 36) == []


def test_fault_20_the_one_who_reports_in_the_victims_place_is_said() -> None:
    cells = {"given_name": "Ann", "family_name": "Test", "organisation_contact": "ann  test"}
    assert warned(**cells) == [("organisation_contact", "same_person")]
    assert warned(**cells, victim_type="business") == []


def test_fault_22_the_guardians_phone_as_the_childs_own_is_said() -> None:
    assert warned(phone="07700 900123", guardian_phone="+447700900123") == [("phone", "same_person")]


def test_fault_23_hate_yes_na_and_several_strands() -> None:
    assert [accepted(hate_strand=text)[0].hate_strand for text in ("Yes", "N/A", "Race; Religion")] == [
        "not named",
        None,
        "race; religion",
    ]


@pytest.mark.parametrize(
    ("text", "value", "code"),
    [
        ("+44 (0)7700 900123", "+447700900123", None),
        ("+44(0)1785 234567", "+441785234567", None),
        ("0044 7700 900123", "+447700900123", None),
        ("01785 234567 ext 12", "+441785234567", "extension"),
        ("01785 234567 x123", "+441785234567", "extension"),
        ("7700900123", "+447700900123", "repaired"),
        ("1785 234567", "+441785234567", "repaired"),
    ],
)
def test_a_phone_is_read_in_every_spelling_of_the_standard(text: str, value: str, code: str | None) -> None:
    row, warnings = accepted(phone=text)
    assert (row.phone, warnings) == (value, [("phone", code)] if code else [])
    assert row.raw["phone"] == text


@pytest.mark.parametrize(
    ("text", "value", "code"),
    [
        ("ST16 2L0", "ST16 2LO", None),
        ("STI6 2LL", "ST16 2LL", "repaired"),
        ("ST16 OLL", "ST16 0LL", "repaired"),
        ("ST16 2CI", "ST16 2CI", "unreadable"),
    ],
)
def test_a_postcode_is_mended_or_kept_with_a_word(text: str, value: str, code: str | None) -> None:
    if code is None:
        assert lost("postcode", text) == "unreadable"
    else:
        row, warnings = accepted(postcode=text)
        assert (row.postcode, warnings) == (value, [("postcode", code)])


@pytest.mark.parametrize("name", ["SiÃ¢n", "Oâ€™Connor", "Zo\ufffd", "Mu£oz", "Å‚ukasz"])
def test_a_name_broken_on_its_way_here_is_kept_and_said(name: str) -> None:
    row, warnings = accepted(family_name=name)
    assert (row.family_name, warnings) == (name, [("family_name", "broken_letters")])


@pytest.mark.parametrize(
    "name", ["Siân", "Łukasz", "Ørsted", "Müller", "Nguyễn", "D\u2019Arcy", "Anne-Marie", "Åsa"]
)
def test_sound_names_are_kept_without_a_word(name: str) -> None:
    row, warnings = accepted(family_name=name)
    assert (row.family_name, warnings) == (name.replace("\u2019", "'"), [])


def test_the_end_of_an_offence_before_its_start_is_kept_and_said() -> None:
    row, warnings = accepted(occurred_from="2026-02-28T10:00", occurred_to="2026-02-28T09:00")
    assert row.occurred_to is not None
    assert warnings == [("occurred_to", "impossible")]


def test_every_column_has_its_reader() -> None:
    assert all(COLUMN_READERS.values())
