"""Look-ups in the search indexes: ids of people and referrals that the asking user may see.

Each calls a database function that reads the index past row-level security and applies the same rule itself; a
condition on an array under row-level security would read the whole table (migration 0005).
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Integer, LargeBinary, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from victim_gateway.crypto import BlindIndex
from victim_gateway.name_folding import token_readings
from victim_gateway.search_parts import (
    PHONE_TAILS,
    SHORT_TOKEN,
    beginning_trigrams,
    name_trigrams,
    phone_tail,
    slip_numbers,
    typed_reference_parts,
)

_NUMBERS: ARRAY[int] = ARRAY(Integer)
_BY_TOKENS = text("SELECT person_id FROM find_by_name_tokens(:readings, :at_most)").bindparams(
    bindparam("readings", type_=_NUMBERS)
)
_BY_PARTS = text("SELECT person_id FROM find_by_search_parts(:readings, :at_most)").bindparams(
    bindparam("readings", type_=_NUMBERS)
)
_SIMILAR = text(
    "SELECT person_id FROM find_by_similar_name(:typed, :readings, :at_least, :at_most)"
    " ORDER BY shared DESC, person_id"
).bindparams(bindparam("typed", type_=_NUMBERS), bindparam("readings", type_=_NUMBERS))
_BY_PHONE = text("SELECT person_id FROM find_by_phone(:phone, :at_most)").bindparams(
    bindparam("phone", type_=LargeBinary)
)
_BY_REFERENCE = text(
    "SELECT referral_id, person_id FROM find_by_reference_parts(:typed, :at_most)"
).bindparams(bindparam("typed", type_=_NUMBERS))
# A slip spoils at most four trigrams, so of five groups one is whole; more groups stand a second slip.
_FEWEST_GROUPS, _MOST_GROUPS = 5, 8


def people_with_name(session: Session, index: BlindIndex, tokens: Sequence[str], at_most: int) -> list[UUID]:
    """People one of whose names is each of these words, written together or apart; the newest first."""
    readings = [index.token_numbers(reading) for reading in token_readings(tokens)]
    return _people(session, _BY_TOKENS, readings=_rectangle(readings), at_most=at_most)


def people_whose_names_begin(
    session: Session, index: BlindIndex, tokens: Sequence[str], at_most: int
) -> list[UUID]:
    """People who have a name beginning with each of these; by trigrams, so some may not: compare the names."""
    parts = [part for token in tokens for part in beginning_trigrams(index, token)]
    return _people(session, _BY_PARTS, readings=[parts], at_most=at_most) if parts else []


def people_with_similar_names(
    session: Session, index: BlindIndex, tokens: Sequence[str], at_most: int
) -> list[UUID]:
    """People whose names share the most parts with these words, most first; compare the names."""
    readings = _rectangle(name_groups(index, tokens))
    if not readings:
        return []
    typed = [
        *name_trigrams(index, tokens),
        *(slip for token in tokens for slip in slip_numbers(index, token)),
    ]
    return _people(session, _SIMILAR, typed=typed, readings=readings, at_least=1, at_most=at_most)


def name_groups(index: BlindIndex, tokens: Sequence[str]) -> list[list[int]]:
    """Groups of parts, of which a name that differs from these words by one slip has at least one whole.

    A slip spoils neighbouring trigrams, four at most. Many trigrams are dealt out in turn, so that each group has some
    from every word and few people have them all. Of a short name one word at a time is taken for the one with the slip,
    and the others are required as they are.
    """
    trigrams = name_trigrams(index, tokens)
    if len(trigrams) >= 2 * _FEWEST_GROUPS:
        number = min(len(trigrams) // 2, _MOST_GROUPS)
        return [trigrams[start::number] for start in range(number)]
    groups = []
    for place, token in enumerate(tokens):
        others = name_trigrams(index, [*tokens[:place], *tokens[place + 1 :]])
        groups += [[*group, *others] for group in _groups_of_token(index, token)]
    return groups


def _groups_of_token(index: BlindIndex, token: str) -> list[list[int]]:
    """One word with one slip: a short one keeps one of its shorter forms, a longer one two neighbouring trigrams."""
    groups = [[slip] for slip in slip_numbers(index, token)]
    trigrams = name_trigrams(index, [token])
    if len(trigrams) >= SHORT_TOKEN:
        following = [*trigrams[1:], trigrams[0]]
        groups += [list(pair) for pair in zip(trigrams, following, strict=True)]
    return groups


def people_with_phone(session: Session, phone: bytes, at_most: int) -> list[UUID]:
    """People with this number, by its hash."""
    return _people(session, _BY_PHONE, phone=phone, at_most=at_most)


def people_with_phone_ending(session: Session, index: BlindIndex, digits: str, at_most: int) -> list[UUID]:
    """People with a number whose last digits are stored; compare the numbers if more were typed."""
    size = max(size for size in PHONE_TAILS if size <= len(digits))
    parts = [phone_tail(index, digits, size)]
    return _people(session, _BY_PARTS, readings=[parts], at_most=at_most)


def referrals_with_reference_part(
    session: Session, index: BlindIndex, folded: str, at_most: int
) -> dict[UUID, UUID]:
    """Referrals, with their person, whose reference or crime number has these four-letter parts; compare them."""
    rows = session.execute(_BY_REFERENCE, {"typed": typed_reference_parts(index, folded), "at_most": at_most})
    return {row.referral_id: row.person_id for row in rows}


def _people(session: Session, statement: object, **values: object) -> list[UUID]:
    return list(session.execute(statement, values).scalars())  # type: ignore[call-overload]


def _rectangle(groups: Sequence[Sequence[int]]) -> list[list[int]]:
    """The groups as one array of rows of equal length: a set that holds a number holds it twice as well."""
    width = max(map(len, groups), default=0)
    return [[*group, *[group[-1]] * (width - len(group))] for group in groups if group]
