"""The area's identity weights as a model for splink: comparison levels in SQL, each with its m and u as they are.

The levels are those of `rules/identity_match.py`, named alike. Where SQL can't say a level exactly it says a stricter
one, so that a pair weighs rather less than more; the rule itself judges what is found. Nothing is trained: the same
people and the same weights give the same pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from config.identity_weights import IdentityWeights

EXACT, ONE_EDIT, ELSE = "exact_match", "damerau_levenshtein_1", "else"
_NEAR = 0.92
# The conditions of each field's levels, the first that holds counts; `else` needs none.
_NAME: Mapping[str, str] = {
    EXACT: "name_key_l = name_key_r",
    ONE_EDIT: "least(length(given_l), length(given_r), length(family_l), length(family_r)) >= 3 AND ("
    "(family_l = family_r AND damerau_levenshtein(given_l, given_r) <= 1)"
    " OR (given_l = given_r AND damerau_levenshtein(family_l, family_r) <= 1))",
    "nickname_match": "family_l = family_r AND list_has_any(given_groups_l, given_groups_r)",
    "alias_match": "list_contains(alias_keys_l, name_key_r) OR list_contains(alias_keys_r, name_key_l)",
    "part_of_name_match": "(len(name_tokens_r) >= 2 AND list_has_all(name_tokens_l, name_tokens_r))"
    " OR (len(name_tokens_l) >= 2 AND list_has_all(name_tokens_r, name_tokens_l))",
    "initials_match": "family_l = family_r AND least(length(given_l), length(given_r)) = 1"
    " AND left(given_l, 1) = left(given_r, 1)",
    "jaro_winkler_0_92": f"jaro_winkler_similarity(given_l, given_r) >= {_NEAR}"
    f" AND jaro_winkler_similarity(family_l, family_r) >= {_NEAR}",
    "given_name_match": "given_l = given_r",
    "one_name_match": "family_l = family_r AND (given_l IS NULL OR given_r IS NULL)",
    "family_name_match": "family_l = family_r",
}
_BIRTH_DATE: Mapping[str, str] = {
    EXACT: "birth_date_l = birth_date_r",
    "day_month_swapped": "left(birth_date_l, 4) = left(birth_date_r, 4)"
    " AND substr(birth_date_l, 5, 2) = substr(birth_date_r, 7, 2)"
    " AND substr(birth_date_l, 7, 2) = substr(birth_date_r, 5, 2)",
    ONE_EDIT: "damerau_levenshtein(birth_date_l, birth_date_r) <= 1",
    "same_year": "left(birth_date_l, 4) = left(birth_date_r, 4)",
}
_PHONE: Mapping[str, str] = {
    EXACT: "list_has_any(phones_l, phones_r)",
    ONE_EDIT: "damerau_levenshtein(list_extract(phones_l, 1), list_extract(phones_r, 1)) <= 1",
}
_EMAIL: Mapping[str, str] = {
    EXACT: "email_l = email_r",
    ONE_EDIT: "damerau_levenshtein(email_l, email_r) <= 1",
}
_POSTCODE: Mapping[str, str] = {EXACT: "postcode_l = postcode_r"}
_FIELDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "name": ("name_key_l IS NULL OR name_key_r IS NULL", _NAME),
    "birth_date": ("birth_date_l IS NULL OR birth_date_r IS NULL", _BIRTH_DATE),
    "phone": ("len(phones_l) = 0 OR len(phones_r) = 0", _PHONE),
    "email": ("email_l IS NULL OR email_r IS NULL", _EMAIL),
    "postcode": ("postcode_l IS NULL OR postcode_r IS NULL", _POSTCODE),
}
# Whom it is worth to weigh: those who share one of these. A value that too many share is NULL in its block column.
_BLOCKS: tuple[Mapping[str, Any], ...] = (
    {"blocking_rule": "l.name_key = r.name_key"},
    {"blocking_rule": "l.birth_block = r.birth_block"},
    {"blocking_rule": "l.birth_date = r.birth_date AND l.family = r.family"},
    {"blocking_rule": "l.birth_date = r.birth_date AND l.given = r.given"},
    {"blocking_rule": "l.postcode_block = r.postcode_block"},
    {"blocking_rule": "l.email_block = r.email_block"},
    {"blocking_rule": "l.phones = r.phones", "arrays_to_explode": ["phones"]},
)


# In a small population the two records of one person make their name look common.
LEAST_FOR_NAME_FREQUENCIES = 20_000


def linkage_settings(weights: IdentityWeights, *, people: int) -> dict[str, Any]:
    """The settings of splink for an area's weights and a population of so many people."""
    counts_names = people >= LEAST_FOR_NAME_FREQUENCIES
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "row_number",
        "probability_two_random_records_match": weights.chance_of_match,
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": False,
        "blocking_rules_to_generate_predictions": [dict(block) for block in _BLOCKS],
        "comparisons": [
            {
                "output_column_name": field,
                "comparison_levels": [
                    {
                        "sql_condition": missing,
                        "label_for_charts": "missing",
                        "is_null_level": True,
                    },
                    *(
                        _level(weights, field, level, condition, counts_names=counts_names)
                        for level, condition in {**levels, ELSE: "ELSE"}.items()
                    ),
                ],
            }
            for field, (missing, levels) in _FIELDS.items()
        ],
    }


def _level(
    weights: IdentityWeights, field: str, level: str, condition: str, *, counts_names: bool
) -> dict[str, Any]:
    seen = weights.probabilities[field][level]
    found: dict[str, Any] = {
        "sql_condition": condition,
        "label_for_charts": level,
        "m_probability": seen.m,
        "u_probability": seen.u,
    }
    if counts_names and field == "name" and level == EXACT:
        # A rare name says more than a common one: how common each is, is counted over the whole population.
        found |= {"tf_adjustment_column": "name_key", "tf_adjustment_weight": 1.0}
    return found
