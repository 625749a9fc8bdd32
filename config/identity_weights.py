"""How much each agreement between two records counts for or against their being one person: data of an area.

The model is that of Fellegi and Sunter, the names are splink's. For each field and comparison level there are two
probabilities: `m_probability`, that the level is seen in two records of one person, and `u_probability`, that it is
seen in the records of two people drawn at random. The level counts log2(m/u). The levels of a field stand in order
from full agreement to none; a field that one of the records lacks counts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

# The levels of each field, from full agreement to none. `rules/identity_match.py` decides which one is seen.
COMPARISON_LEVELS: Mapping[str, tuple[str, ...]] = {
    "name": (
        "exact_match",
        "damerau_levenshtein_1",
        "nickname_match",
        "alias_match",
        "part_of_name_match",
        "initials_match",
        "jaro_winkler_0_92",
        "given_name_match",
        "one_name_match",
        "family_name_match",
        "else",
    ),
    "organisation": (
        "exact_match",
        "damerau_levenshtein_1",
        "part_of_name_match",
        "jaro_winkler_0_92",
        "else",
    ),
    "birth_date": ("exact_match", "day_month_swapped", "damerau_levenshtein_1", "same_year", "else"),
    "phone": ("exact_match", "damerau_levenshtein_1", "else"),
    "email": ("exact_match", "damerau_levenshtein_1", "else"),
    "postcode": ("exact_match", "else"),
    "crime_number": ("exact_match", "else"),
    "reference": ("exact_match", "leading_zeros", "else"),
}

# Fields of a person whose change may show that they are somebody we know; an area names fewer where it wants fewer.
ALERT_FIELDS = (
    "given_name",
    "family_name",
    "alias",
    "organisation_name",
    "date_of_birth",
    "phone",
    "phone_2",
    "email",
    "postcode",
)


@dataclass(frozen=True, slots=True)
class LevelProbabilities:
    """How often a level is seen in two records of one person (`m`), and of two people drawn at random (`u`)."""

    m: float
    u: float


@dataclass(frozen=True, slots=True)
class PopulationPassLimits:
    """What the pass over the whole population may ask of caseworkers.

    A pair is proposed from `proposed_from` bits on. At most `most_open` proposals of the pass wait at a time, each
    due after `due_in_days` days: nobody's day is filled by records that have been two for years.
    """

    proposed_from: float
    most_open: int
    due_in_days: int


@dataclass(frozen=True, slots=True)
class IdentityWeights:
    """The weights of an area, in bits, and from which sum on two records are taken for one person.

    `same_from`: certain, where name and birth date agree in full too. `likely_from`: proposed to a person.
    A change of one of `alert_fields` asks again whom a person may be. A value that more than `most_sharing` people
    have says nothing about whose it is; at most `most_proposed` people are proposed for one. `chance_of_match` and
    `probabilities` are what the weights were made from, for the pass over the whole population.
    `certain`: the weights by which two are certain, where these are an administrator's, which only propose.
    """

    prior: float
    levels: Mapping[str, Mapping[str, float]]
    same_from: float
    likely_from: float
    most_sharing: int
    most_proposed: int
    alert_fields: tuple[str, ...]
    chance_of_match: float
    probabilities: Mapping[str, Mapping[str, LevelProbabilities]]
    population_pass: PopulationPassLimits
    certain: IdentityWeights | None = None

    def match_weight(self, levels: Mapping[str, str]) -> float:
        """Sum up prior and levels; fields that are not named, or whose level is `null`, count nothing."""
        return self.prior + sum(
            self.levels[field][level] for field, level in levels.items() if level != "null"
        )


class _StrictIdentity(Schema):
    class Meta:
        unknown = RAISE


_PROBABILITY = validate.Range(0, 1, min_inclusive=False, max_inclusive=False)


class _LevelSchema(_StrictIdentity):
    m_probability = fields.Float(required=True, validate=_PROBABILITY)
    u_probability = fields.Float(required=True, validate=_PROBABILITY)


class _PopulationPassSchema(_StrictIdentity):
    proposed_from = fields.Float(load_default=2.0)
    most_open = fields.Integer(load_default=100, strict=True, validate=validate.Range(1, 1000))
    due_in_days = fields.Integer(load_default=28, strict=True, validate=validate.Range(1, 90))

    @post_load
    def build_limits(self, data: dict[str, Any], **_: Any) -> PopulationPassLimits:
        return PopulationPassLimits(**data)


class IdentitySchema(_StrictIdentity):
    """The part `identity` of an area profile."""

    probability_two_random_records_match = fields.Float(required=True, validate=_PROBABILITY)
    same_from = fields.Float(required=True)
    likely_from = fields.Float(required=True)
    most_sharing = fields.Integer(required=True, strict=True, validate=validate.Range(1, 50))
    most_proposed = fields.Integer(required=True, strict=True, validate=validate.Range(1, 20))
    alert_fields = fields.List(
        fields.String(validate=validate.OneOf(ALERT_FIELDS)), load_default=lambda: list(ALERT_FIELDS)
    )
    population_pass = fields.Nested(
        _PopulationPassSchema, load_default=lambda: PopulationPassLimits(2.0, 100, 28)
    )
    comparisons = fields.Dict(
        required=True,
        keys=fields.String(validate=validate.OneOf(COMPARISON_LEVELS)),
        values=fields.Dict(keys=fields.String(), values=fields.Nested(_LevelSchema)),
    )

    @validates_schema
    def thresholds_are_in_order(self, data: dict[str, Any], **_: Any) -> None:
        if data["likely_from"] >= data["same_from"]:
            raise ValidationError("must be below same_from", "likely_from")

    @validates_schema
    def comparisons_are_whole_and_in_order(self, data: dict[str, Any], **_: Any) -> None:
        """More agreement must never count less: full agreement speaks for one person, none against."""
        for field, expected in COMPARISON_LEVELS.items():
            given = data["comparisons"].get(field, {})
            if set(given) != set(expected):
                raise ValidationError(f"must have the levels {', '.join(expected)}", f"comparisons.{field}")
            counted = [_weight(given[level]) for level in expected]
            if counted != sorted(counted, reverse=True) or counted[0] <= 0 or counted[-1] >= 0:
                raise ValidationError(
                    "must count for one person at its first level, less at each that follows, and against at "
                    "its last",
                    f"comparisons.{field}",
                )

    @post_load
    def build_weights(self, data: dict[str, Any], **_: Any) -> IdentityWeights:
        chance = data["probability_two_random_records_match"]
        return IdentityWeights(
            prior=log2(chance / (1 - chance)),
            levels={
                field: {level: _weight(data["comparisons"][field][level]) for level in levels}
                for field, levels in COMPARISON_LEVELS.items()
            },
            alert_fields=tuple(data["alert_fields"]),
            chance_of_match=chance,
            probabilities={
                field: {
                    level: LevelProbabilities(given["m_probability"], given["u_probability"])
                    for level, given in data["comparisons"][field].items()
                }
                for field in COMPARISON_LEVELS
            },
            population_pass=data["population_pass"],
            **{name: data[name] for name in ("same_from", "likely_from", "most_sharing", "most_proposed")},
        )


def _weight(level: Mapping[str, float]) -> float:
    return log2(level["m_probability"] / level["u_probability"])
