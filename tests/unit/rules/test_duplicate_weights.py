"""What administrators may make of the weights that propose duplicates, and what they may not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.area_profile import load_area
from victim_gateway.rules.duplicate_weights import (
    LIKELY_FROM,
    THRESHOLD,
    WEIGHT_ENTRIES,
    describe_weights,
    find_weight_mistakes,
    lay_weights_over,
    weights_of_entry,
    write_weights,
)
from victim_gateway.rules.identity_match import IdentityVerdict, compare_identities, identity_record

SHIPPED = load_area("staffordshire").identity
PHONE = {"exact_match": 15.6, "damerau_levenshtein_1": 6.6, "else": -1.0}


@pytest.mark.parametrize(
    ("code", "changes", "wrong"),
    [
        ("phone", {}, None),
        ("phone", {"exact_match": 17.8}, "exact_match"),
        ("phone", {"exact_match": 5.0}, "damerau_levenshtein_1"),
        ("phone", {"else": 0.0}, "else"),
        ("phone", {"exact_match": float("nan")}, "exact_match"),
        ("phone", {"exact_match": 31.0}, "exact_match"),
        ("reference", {"exact_match": 25.0}, None),
        ("birth_date", {"exact_match": 17.8}, "exact_match"),
        ("name", {"exact_match": 17.8}, "exact_match"),
        (THRESHOLD, {LIKELY_FROM: 5.0}, None),
        (THRESHOLD, {LIKELY_FROM: 9.5}, LIKELY_FROM),
        (THRESHOLD, {LIKELY_FROM: -2.2}, LIKELY_FROM),
    ],
)
def test_no_weak_field_proposes_alone_and_the_same_name_and_birth_date_always_do(
    code: str, changes: dict[str, float], wrong: str | None
) -> None:
    body = write_weights({**weights_of_entry(code, SHIPPED), **changes})
    assert next(iter(find_weight_mistakes(code, lay_weights_over(SHIPPED, {code: body}))), None) == wrong


def test_every_field_can_be_kept_and_what_cannot_be_read_counts_as_it_ships() -> None:
    assert {code for code, _ in WEIGHT_ENTRIES} == {*SHIPPED.levels, THRESHOLD}
    assert lay_weights_over(SHIPPED, {"phone": "{", "email": '{"else": -1}', "gone": "{}"}) is SHIPPED
    assert describe_weights("phone", write_weights(PHONE), SHIPPED) == (
        "same phone: 15.6, phone one digit different: 6.6, another phone: -1"
    )


def test_kept_weights_propose_and_never_make_two_people_certain() -> None:
    one = identity_record({"given_name": "Ana", "family_name": "Rowe", "date_of_birth": "1980-02-03"})
    shipped = compare_identities(one, one, SHIPPED)
    assert shipped.verdict is IdentityVerdict.LIKELY
    heavier = {
        code: write_weights({**weights_of_entry(code, SHIPPED), "exact_match": 17.7})
        for code in ("name", "birth_date")
    }
    kept = lay_weights_over(SHIPPED, heavier)
    assert find_weight_mistakes("name", kept) == {}
    compared = compare_identities(one, one, kept)
    assert compared.match_weight > 17 and compared.verdict is IdentityVerdict.LIKELY
    assert compare_identities(one, one, replace(kept, same_from=1)).verdict is IdentityVerdict.LIKELY
    two = identity_record({"given_name": "Bea", "family_name": "Rowe", "date_of_birth": "1990-12-13"})
    assert compare_identities(one, two, kept).verdict is IdentityVerdict.CONTRADICTED
