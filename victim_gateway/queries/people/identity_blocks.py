"""Stored people who share a key with new ones: whom it is worth to compare, found with one query for each kind of key.

Restricted and erased people are never given: a reader of a new referral must not learn from it that a restricted
person is known here. A key that many people share is given with one person more than `most`, so that the caller
sees that it is no help; a query over the whole population never returns more than that for a key.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session


class IdentityBlock(StrEnum):
    """The kinds of key, those that tell most first."""

    NAME_AND_BIRTH_DATE = "name_and_birth_date"
    REFERENCE = "reference"
    PHONE = "phone"
    EMAIL = "email"
    CRIME_NUMBER = "crime_number"
    BIRTH_DATE_AND_WORD = "birth_date_and_word"


_SEARCH = """SELECT wanted.key, found.id FROM unnest(CAST(:keys AS bytea[])) AS wanted (key)
    CROSS JOIN LATERAL (
        SELECT p.id FROM person p WHERE {condition} AND p.erased_at IS NULL AND NOT p.restricted LIMIT :most
    ) AS found"""
_SEARCHES = {
    block: text(_SEARCH.format(condition=condition))
    for block, condition in {
        IdentityBlock.NAME_AND_BIRTH_DATE: "p.name_dob_hash = wanted.key",
        IdentityBlock.PHONE: "p.phone_hashes @> ARRAY[wanted.key]",
        IdentityBlock.EMAIL: "p.email_hash = wanted.key",
        IdentityBlock.CRIME_NUMBER: "p.id IN (SELECT r.person_id FROM referral r"
        " WHERE r.crime_number_hash = wanted.key AND NOT r.restricted)",
    }.items()
}
# One person at most has a reference, so that nothing needs a limit.
_SEARCHES[IdentityBlock.REFERENCE] = text(
    """SELECT p.victim_reference_hash, p.id FROM person p
    WHERE p.victim_reference_hash = ANY(CAST(:keys AS bytea[])) AND p.erased_at IS NULL AND NOT p.restricted"""
)
# OFFSET keeps the words out of the index: for each birth date the few people are read and looked at, where the
# index of words would bring thousands who only share a word.
_BORN_TOGETHER = text(
    """SELECT wanted.place, found.id FROM unnest(
        CAST(:places AS integer[]), CAST(:keys AS bytea[]), CAST(:words AS text[])
    ) AS wanted (place, key, words)
    CROSS JOIN LATERAL (
        SELECT p.id FROM (
            SELECT id, name_tokens FROM person
            WHERE dob_hash = wanted.key AND erased_at IS NULL AND NOT restricted
            OFFSET 0
        ) AS p
        WHERE p.name_tokens && CAST(wanted.words AS integer[])
        LIMIT :most
    ) AS found"""
)


@dataclass(frozen=True, slots=True)
class BornTogether:
    """Whom to look for: those of one birth date whose name has one of these words. `place` is the caller's own."""

    place: int
    dob_hash: bytes
    name_tokens: Sequence[int]


def people_sharing_keys(
    session: Session, block: IdentityBlock, keys: Collection[bytes], *, most: int
) -> dict[bytes, list[UUID]]:
    """By key, the people who have it, at most `most` and one more for each."""
    if not keys:
        return {}
    found: dict[bytes, list[UUID]] = {}
    values: dict[str, object] = {"keys": list(keys)}
    if block is not IdentityBlock.REFERENCE:
        values["most"] = most + 1
    for key, person_id in session.execute(_SEARCHES[block], values):
        found.setdefault(bytes(key), []).append(person_id)
    return found


def people_born_together(
    session: Session, wanted: Sequence[BornTogether], *, most: int
) -> dict[int, list[UUID]]:
    """By place, the people of the birth date who share a word of the name, at most `most` and one more for each."""
    if not wanted:
        return {}
    found: dict[int, list[UUID]] = {}
    values = {
        "places": [item.place for item in wanted],
        "keys": [item.dob_hash for item in wanted],
        "words": [f"{{{','.join(map(str, item.name_tokens))}}}" for item in wanted],
        "most": most + 1,
    }
    for place, person_id in session.execute(_BORN_TOGETHER, values):
        found.setdefault(place, []).append(person_id)
    return found
