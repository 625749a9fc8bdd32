"""What of a person goes into the pass over the whole population, and which pairs that it finds are never proposed.

The fields are those of `identity_match`, folded by the same code. The pass weighs millions of pairs roughly, in SQL;
each pair that it brings is then compared by the rule that weighs new records, and what that rule calls two people is
left out. Children of one family, a couple, and a parent and child of one name share address, phone and more: no sum of
agreements makes one person of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from victim_gateway.rules.given_name_variants import variant_groups
from victim_gateway.rules.identity_match import (
    DIFFERENT_DATES,
    OTHER_PEOPLE,
    IdentityComparison,
    IdentityVerdict,
    identity_record,
)
from victim_gateway.rules.identity_names import PersonName


@dataclass(frozen=True, slots=True)
class LinkageRow:
    """One person as the pass compares them; what is missing or a placeholder is None or empty."""

    name_key: str | None
    given: str | None
    family: str | None
    name_tokens: tuple[str, ...]
    given_groups: tuple[int, ...]
    alias_keys: tuple[str, ...]
    birth_date: str | None
    phones: tuple[str, ...]
    email: str | None
    postcode: str | None


class PairRefusal(StrEnum):
    """Why a pair that weighs enough is not proposed all the same."""

    CONTRADICTED = "contradicted"
    ANOTHER_NAME = "another_name"
    ANOTHER_BIRTH_DATE = "another_birth_date"


def linkage_row(document: Mapping[str, Any]) -> LinkageRow:
    """Build the row of a person's document."""
    record = identity_record(document)
    name = record.name
    given, family = name.parts
    is_named = name.is_usable
    return LinkageRow(
        name_key=_name_key(name) if is_named else None,
        given=(given or None) if is_named else None,
        family=(family or None) if is_named else None,
        name_tokens=tuple(word for word in name.whole if len(word) > 1),
        given_groups=tuple(variant_groups(given)) if len(name.given) == 1 else (),
        alias_keys=tuple(_alias_keys(record.aliases, name)),
        birth_date=f"{record.birth_date:%Y%m%d}" if record.birth_date else None,
        phones=tuple(sorted(record.phones)),
        email=record.email,
        postcode=record.postcode,
    )


def find_refusal(comparison: IdentityComparison) -> PairRefusal | None:
    """Why two people are not proposed as one, whatever they weigh together; None where they may be.

    Stricter than for a new record: a birth date that differs by more than a slip is a parent and a child of one name
    far more often than one person, and here no caseworker has just spoken to either.
    """
    if comparison.verdict is IdentityVerdict.CONTRADICTED:
        return PairRefusal.CONTRADICTED
    if comparison.levels["name"] in OTHER_PEOPLE:
        return PairRefusal.ANOTHER_NAME
    if comparison.levels["birth_date"] in DIFFERENT_DATES:
        return PairRefusal.ANOTHER_BIRTH_DATE
    return None


def _name_key(name: PersonName) -> str:
    return " ".join(name.whole)


def _alias_keys(aliases: tuple[PersonName, ...], name: PersonName) -> list[str]:
    """The names under which another record may stand: an alias of one word stands before the family name."""
    keys = []
    for alias in aliases:
        whole = alias.whole if len(alias.whole) > 1 else (*alias.whole, *name.family)
        keys.append(" ".join(sorted(whole)))
    return keys
