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


# Hashes go as one text of hexadecimal digits: thousands of array elements take longer to write than to look up.
_KEYS = "SELECT decode(hex, 'hex') AS key FROM unnest(string_to_array(:keys, ',')) AS hex"
_SEARCH = """SELECT wanted.key, found.id FROM ({keys}) AS wanted
    CROSS JOIN LATERAL (
        SELECT p.id FROM person p WHERE {condition} AND p.erased_at IS NULL AND NOT p.restricted LIMIT :most
    ) AS found"""
_SEARCHES = {
    block: text(_SEARCH.format(keys=_KEYS, condition=condition))
    for block, condition in {
        IdentityBlock.NAME_AND_BIRTH_DATE: "p.name_dob_hash = wanted.key",
        IdentityBlock.REFERENCE: "p.victim_reference_hash = wanted.key",
        IdentityBlock.PHONE: "p.phone_hashes @> ARRAY[wanted.key]",
        IdentityBlock.EMAIL: "p.email_hash = wanted.key",
        IdentityBlock.CRIME_NUMBER: "p.id IN (SELECT r.person_id FROM referral r"
        " WHERE r.crime_number_hash = wanted.key AND NOT r.restricted)",
    }.items()
}
# OFFSET keeps the tokens out of the index: for each birth date the few people are read and looked at, where the
# index of tokens would bring thousands who only share a token.
_BORN_TOGETHER = text(
    """SELECT wanted.number, found.id FROM unnest(
        string_to_array(:keys, ','), string_to_array(:tokens, ';')
    ) WITH ORDINALITY AS wanted (key, tokens, number)
    CROSS JOIN LATERAL (
        SELECT p.id FROM (
            SELECT id, name_tokens FROM person
            WHERE dob_hash = decode(wanted.key, 'hex') AND erased_at IS NULL AND NOT restricted
            OFFSET 0
        ) AS p
        WHERE p.name_tokens && CAST(string_to_array(wanted.tokens, ',') AS integer[])
        LIMIT :most
    ) AS found"""
)


@dataclass(frozen=True, slots=True)
class BornTogether:
    """Whom to look for: those of one birth date whose name has one of these tokens. `place` is the caller's own."""

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
    values = {"keys": ",".join(key.hex() for key in keys), "most": most + 1}
    for key, person_id in session.execute(_SEARCHES[block], values):
        found.setdefault(bytes(key), []).append(person_id)
    return found


def people_born_together(
    session: Session, wanted: Sequence[BornTogether], *, most: int
) -> dict[int, list[UUID]]:
    """By place, the people of the birth date who share a token of the name, at most `most` and one more for each."""
    if not wanted:
        return {}
    found: dict[int, list[UUID]] = {}
    values = {
        "keys": ",".join(item.dob_hash.hex() for item in wanted),
        "tokens": ";".join(",".join(map(str, item.name_tokens)) for item in wanted),
        "most": most + 1,
    }
    for number, person_id in session.execute(_BORN_TOGETHER, values):
        found.setdefault(wanted[number - 1].place, []).append(person_id)
    return found
