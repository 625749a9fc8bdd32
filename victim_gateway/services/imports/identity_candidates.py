"""People who may be the same as the new people of a chunk: found by shared keys, opened, weighed, never merged.

Candidates are found set-wise: one query for each kind of key over the stored people, and in memory among the new
ones. Only these few are opened and compared (`rules/identity_match.py`). A key that too many people share (a
hostel's number, a common name with the birth date that a clerk types for everybody) finds nobody, and a phone of
that kind does not count when two records are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.database.current import current_blind_index
from victim_gateway.models import Person
from victim_gateway.phone_numbers import phone_hash
from victim_gateway.queries.people.decrypted_people import SealedPerson, open_person_documents
from victim_gateway.queries.people.identity_blocks import (
    BornTogether,
    IdentityBlock,
    people_born_together,
    people_sharing_keys,
)
from victim_gateway.rules.identity_explanations import level_codes
from victim_gateway.rules.identity_match import (
    LIKELY_VERDICTS,
    IdentityComparison,
    IdentityRecord,
    compare_identities,
    identity_record,
    leading_zero_spellings,
    usable_birth_date,
)
from victim_gateway.services.people.person_hashes import victim_reference_hash

if TYPE_CHECKING:
    from config.identity_weights import IdentityWeights

# A birth date with one word of a name is a wide net: more people than this in it are no help.
MOST_BORN_TOGETHER = 20
# So many are opened for one new person, those first whose key tells most.
MOST_COMPARED = 10


@dataclass(frozen=True, slots=True)
class NewIdentity:
    """A new person as the rows of a chunk give them: the document, its keyed hashes, and what the crime is called."""

    person_id: UUID
    document: Mapping[str, Any]
    hashes: Mapping[str, Any]
    crime_numbers: Mapping[bytes, str]
    force: str | None = None
    victim_reference: str | None = None


@dataclass(frozen=True, slots=True)
class ProposedPerson:
    """A known person who may be the new one. `explanation` are codes of levels, never values."""

    person_id: UUID
    match_weight: float
    explanation: tuple[str, ...]

    def as_details(self) -> dict[str, Any]:
        """As it stands in a task's details."""
        return {
            "person_id": str(self.person_id),
            "weight": round(self.match_weight, 1),
            "explanation": list(self.explanation),
        }


@dataclass(slots=True)
class _Candidates:
    """Whom one new person is compared with: stored people with the keys that found them, new ones by place."""

    stored: dict[UUID, dict[IdentityBlock, bytes]] = field(default_factory=dict)
    new: dict[int, None] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self.stored) + len(self.new)

    def add(self, block: IdentityBlock, key: bytes, stored: Iterable[UUID], new: Iterable[int]) -> None:
        for person_id in stored:
            if person_id in self.stored or self.count < MOST_COMPARED:
                self.stored.setdefault(person_id, {}).setdefault(block, key)
        for place in new:
            if place not in self.new and self.count < MOST_COMPARED:
                self.new[place] = None


def propose_same_people(
    session: Session, people: Sequence[NewIdentity], *, weights: IdentityWeights
) -> dict[UUID, list[ProposedPerson]]:
    """By new person, the people who are likely the same, best first; those without any are left out.

    Among new people the later one is asked about the earlier, so that each pair is asked about once.
    """
    search = _CandidateSearch(session, people, weights)
    candidates = search.find_candidates()
    documents = _stored_documents(session, {id_ for found in candidates.values() for id_ in found.stored})
    stored_records = {person_id: identity_record(document) for person_id, document in documents.items()}
    proposals: dict[UUID, list[ProposedPerson]] = {}
    for place, found in candidates.items():
        own = search.record(place)
        others = {
            person_id: search.stored_record(place, stored_records[person_id], keys)
            for person_id, keys in found.stored.items()
            if person_id in stored_records
        } | {people[other].person_id: search.record(other) for other in found.new}
        compared = (
            (person_id, compare_identities(own, other, weights)) for person_id, other in others.items()
        )
        best = _best(compared, weights.most_proposed)
        if best:
            proposals[people[place].person_id] = best
    return proposals


def _best(compared: Iterable[tuple[UUID, IdentityComparison]], most: int) -> list[ProposedPerson]:
    likely = [
        ProposedPerson(person_id, comparison.match_weight, tuple(level_codes(comparison.levels)))
        for person_id, comparison in compared
        if comparison.verdict in LIKELY_VERDICTS
    ]
    return sorted(likely, key=lambda person: (-person.match_weight, str(person.person_id)))[:most]


class _CandidateSearch:
    """The keys of the new people of a chunk, and who shares them."""

    def __init__(self, session: Session, people: Sequence[NewIdentity], weights: IdentityWeights) -> None:
        self._session, self._people, self._weights = session, people, weights
        self._index = current_blind_index(session)
        self._shared_phones: set[bytes] = set()
        # Places of new people whose very name and birth date too many others have.
        self._common: set[int] = set()
        self._records: dict[int, IdentityRecord] = {}
        # The spelling of a reference by its hash, for those that differ by leading zeros.
        self._spellings: dict[bytes, str] = {}

    def find_candidates(self) -> dict[int, _Candidates]:
        """By place, whom to compare a new person with."""
        candidates: dict[int, _Candidates] = {}
        for block in IdentityBlock:
            if block is IdentityBlock.BIRTH_DATE_AND_WORD:
                self._add_born_together(candidates)
            else:
                self._add_block(block, candidates)
        return candidates

    def record(self, place: int) -> IdentityRecord:
        """What of a new person is compared; worked out once, and only for those who have candidates."""
        if place not in self._records:
            person = self._people[place]
            phones = (person.document.get(name) for name in ("phone", "phone_2"))
            self._records[place] = identity_record(
                person.document,
                crime_numbers=person.crime_numbers.values(),
                force=person.force,
                victim_reference=person.victim_reference,
                shared_phones=[
                    phone
                    for phone in phones
                    if phone and phone_hash(self._index, phone) in self._shared_phones
                ],
            )
        return self._records[place]

    def stored_record(
        self, place: int, record: IdentityRecord, keys: Mapping[IdentityBlock, bytes]
    ) -> IdentityRecord:
        """A stored person's record with what only the key tells: crime number and reference are stored as hashes."""
        own = self.record(place)
        crime, reference = keys.get(IdentityBlock.CRIME_NUMBER), keys.get(IdentityBlock.REFERENCE)
        if crime is not None:
            record = replace(record, crime_numbers=own.crime_numbers)
        if reference is not None and own.reference is not None:
            record = replace(record, reference=(own.reference[0], self._spellings[reference]))
        return record

    def _add_block(self, block: IdentityBlock, candidates: dict[int, _Candidates]) -> None:
        places: dict[bytes, list[int]] = {}
        for place, person in enumerate(self._people):
            for key in self._keys(block, person):
                places.setdefault(key, []).append(place)
        most = self._weights.most_sharing
        stored = people_sharing_keys(self._session, block, list(places), most=most)
        for key, sharing in places.items():
            known = stored.get(key, ())
            if len(known) + len(sharing) > most + 1:
                # One more than `most`, as one of them is the new person.
                if block is IdentityBlock.PHONE:
                    self._shared_phones.add(key)
                elif block is IdentityBlock.NAME_AND_BIRTH_DATE:
                    self._common.update(sharing)
                continue
            if not known and len(sharing) == 1:
                continue
            for number, place in enumerate(sharing):
                candidates.setdefault(place, _Candidates()).add(block, key, known, sharing[:number])

    def _add_born_together(self, candidates: dict[int, _Candidates]) -> None:
        """Those of one birth date who share a word of the name: the net for spellings that no key forgives."""
        wanted: list[BornTogether] = []
        by_birth_date: dict[bytes, list[int]] = {}
        for place, person in enumerate(self._people):
            key, tokens = person.hashes["dob_hash"], person.hashes["name_tokens"]
            if (
                key
                and tokens
                and place not in self._common
                and usable_birth_date(person.document["date_of_birth"])
            ):
                wanted.append(BornTogether(place, key, tokens))
                by_birth_date.setdefault(key, []).append(place)
        new = self._new_born_together(by_birth_date)
        stored = people_born_together(self._session, wanted, most=MOST_BORN_TOGETHER)
        for item in wanted:
            known = stored.get(item.place, [])
            if len(known) > MOST_BORN_TOGETHER:
                known = []
            earlier = new.get(item.place, [])
            if known or earlier:
                candidates.setdefault(item.place, _Candidates()).add(
                    IdentityBlock.BIRTH_DATE_AND_WORD, item.dob_hash, known, earlier
                )

    def _new_born_together(self, by_birth_date: Mapping[bytes, Sequence[int]]) -> dict[int, list[int]]:
        """By place, the earlier new people of the same birth date who share a word of the name."""
        found: dict[int, dict[int, None]] = {}
        for places in by_birth_date.values():
            if len(places) == 1:
                continue
            by_word: dict[int, list[int]] = {}
            for place in places:
                for word in self._people[place].hashes["name_tokens"]:
                    by_word.setdefault(word, []).append(place)
            for sharing in by_word.values():
                if len(sharing) <= MOST_BORN_TOGETHER:
                    for number, place in enumerate(sharing):
                        found.setdefault(place, {}).update(dict.fromkeys(sharing[:number]))
        return {place: list(others) for place, others in found.items()}

    def _keys(self, block: IdentityBlock, person: NewIdentity) -> Iterable[bytes]:
        match block:
            case IdentityBlock.NAME_AND_BIRTH_DATE:
                return _known(person.hashes["name_dob_hash"])
            case IdentityBlock.PHONE:
                phones: list[bytes] = person.hashes["phone_hashes"]
                return phones
            case IdentityBlock.EMAIL:
                return _known(person.hashes["email_hash"])
            case IdentityBlock.CRIME_NUMBER:
                return person.crime_numbers
            case _:
                return self._reference_keys(person)

    def _reference_keys(self, person: NewIdentity) -> Iterable[bytes]:
        """The hashes of the person's reference with fewer and with more leading zeros."""
        reference, own = person.victim_reference, person.hashes["victim_reference_hash"]
        if not reference:
            return ()
        keys = []
        for spelling in leading_zero_spellings(reference):
            is_own = spelling == reference and own is not None
            key = own if is_own else victim_reference_hash(self._index, person.force, spelling)
            if key is not None:
                self._spellings[key] = spelling
                keys.append(key)
        return keys


def _known(key: bytes | None) -> tuple[bytes, ...]:
    return () if key is None else (key,)


def _stored_documents(session: Session, person_ids: Iterable[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
    """The opened documents of stored people."""
    wanted = list(person_ids)
    if not wanted:
        return {}
    rows = session.execute(
        select(Person.id, Person.key_id, Person.sealed).where(
            bulk_insert.column_in(Person.id, wanted), Person.erased_at.is_(None), Person.restricted.is_(False)
        )
    )
    return open_person_documents(session, (SealedPerson(row.id, row.key_id, row.sealed) for row in rows))
