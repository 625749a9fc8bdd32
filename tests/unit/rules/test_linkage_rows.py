"""What goes into the pass over the whole population, and which pairs no weight makes one person of."""

from __future__ import annotations

import pytest

from config import load_settings
from victim_gateway.rules.identity_match import compare_identities, identity_record
from victim_gateway.rules.linkage_rows import PairRefusal, find_refusal, linkage_row

WEIGHTS = load_settings().area.identity
ANNA = {
    "given_name": "Anna",
    "family_name": "Quillby",
    "date_of_birth": "1984-05-04",
    "phone": "+447700900111",
    "email": "anna@example.org",
    "postcode": "ST16 2AA",
}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        pytest.param({}, None, id="the same"),
        pytest.param({"family_name": "Quilby"}, None, id="a letter lost"),
        pytest.param({"date_of_birth": "1984-04-05"}, None, id="day and month swapped"),
        pytest.param({"family_name": "Harrow"}, None, id="another family name"),
        pytest.param({"date_of_birth": ""}, None, id="no birth date"),
        pytest.param({"given_name": "Beatrice"}, PairRefusal.ANOTHER_NAME, id="twins"),
        pytest.param(
            {"given_name": "Beatrice", "date_of_birth": "1981-11-30"},
            PairRefusal.CONTRADICTED,
            id="sisters",
        ),
        pytest.param(
            {"date_of_birth": "1956-09-17"}, PairRefusal.ANOTHER_BIRTH_DATE, id="mother and daughter"
        ),
        pytest.param(
            {"date_of_birth": "1984-11-30"}, PairRefusal.ANOTHER_BIRTH_DATE, id="another day of the year"
        ),
        pytest.param(
            {"organisation_name": "Quillby Stores", "given_name": "", "family_name": ""},
            PairRefusal.CONTRADICTED,
            id="a business",
        ),
    ],
)
def test_who_lives_together_is_refused_however_much_agrees(
    changes: dict[str, str], refusal: PairRefusal | None
) -> None:
    comparison = compare_identities(identity_record(ANNA), identity_record(ANNA | changes), WEIGHTS)

    assert find_refusal(comparison) is refusal


def test_a_row_is_folded_and_without_placeholders() -> None:
    row = linkage_row(
        {
            "given_name": "Łucja",
            "family_name": "O’Brien",
            "alias": "Lucy; Lucy Kowalska",
            "date_of_birth": "1900-01-01",
            "phone": "07777777777",
            "email": "none@example.org",
            "postcode": "ZZ99 3VZ",
        }
    )

    assert (row.given, row.family, row.name_key) == ("lucja", "obrien", "lucja obrien")
    assert row.alias_keys == ("lucy obrien", "kowalska lucy")
    assert (row.birth_date, row.phones, row.email, row.postcode) == (None, (), None, None)


def test_a_row_without_a_name_is_compared_by_no_name() -> None:
    row = linkage_row({"given_name": "UNKNOWN", "family_name": "", "date_of_birth": "1984-05-04"})

    assert (row.name_key, row.given, row.family, row.birth_date) == (None, None, None, "19840504")
