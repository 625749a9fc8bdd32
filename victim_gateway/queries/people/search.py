"""Search people by name, reference, crime number, telephone, e-mail, date of birth or postcode.

Names are also found by their beginnings and by near spellings, phone numbers by their last digits, references and
crime numbers by a part. What the indexes give is opened and compared before it is shown, so that a part which
only hashes alike is no match.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from victim_gateway.crypto import BlindIndex, fold_text
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.bulk_insert import column_in
from victim_gateway.database.current import current_blind_index
from victim_gateway.errors import NotFound
from victim_gateway.models import Person, Referral, WrappedKey
from victim_gateway.name_folding import name_tokens_of
from victim_gateway.phone_numbers import phone_hash
from victim_gateway.queries.people import lookups
from victim_gateway.queries.people.decrypted_people import (
    JoinedPerson,
    SealedPerson,
    age_of,
    open_joined_people,
)
from victim_gateway.queries.people.identity_weighing import compare_with_known_people
from victim_gateway.queries.people.name_ranking import (
    NO_MATCH,
    NameFit,
    NameMatch,
    compare_names,
    is_whole_name,
)
from victim_gateway.queries.people.reference_matches import PART, people_with_reference_part
from victim_gateway.queries.people.search_text import SearchText, read_search_text
from victim_gateway.rules.identity_match import LIKELY_VERDICTS, IdentityComparison
from victim_gateway.rules.person_names import person_name
from victim_gateway.search_parts import PHONE_FIELDS, phone_digits
from victim_gateway.vocabulary import ReferralState, Risk

MOST = 50
# How many are opened to find those that fit best.
MOST_COMPARED = 100
MOST_SUGGESTIONS = 3
NAME_LABELS = {
    NameFit.WHOLE: "name",
    NameFit.BEGINNING: "beginning of a name",
    NameFit.SIMILAR: "similar name",
}


@dataclass(frozen=True, slots=True)
class FoundReferral:
    """One referral of a person that was found."""

    referral_id: UUID
    reference: str
    offence: str
    district: str | None
    received_at: datetime
    state: ReferralState
    risk: Risk


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """One person, with what of the search matched (name, reference, crime number ...) and their referrals."""

    person_id: UUID
    name: str
    age: int | None
    town: str | None
    kind: str
    matched: tuple[str, ...]
    referrals: tuple[FoundReferral, ...]


@dataclass(frozen=True, slots=True)
class SearchResults:
    """Those who match best first. `suggestions` are names to search for when only near spellings were found."""

    people: tuple[FoundPerson, ...]
    has_more: bool
    suggestions: tuple[str, ...] = ()


@dataclass(slots=True)
class _Candidate:
    """Someone the indexes gave: with what matched exactly, and what has to be compared yet."""

    exact: list[str] = field(default_factory=list)
    partly: list[str] = field(default_factory=list)
    has_phone_end: bool = False
    name: NameMatch = NO_MATCH

    def labels(self) -> tuple[str, ...]:
        names = [NAME_LABELS[self.name.fit]] if self.name.fit in NAME_LABELS else []
        return (*names, *self.exact, *self.partly)

    def place(self) -> tuple[float, ...]:
        """Where it stands: whole matches before parts before near spellings, then how many, then how near."""
        whole = len(self.exact) + (self.name.fit is NameFit.WHOLE)
        parts = len(self.partly) + (self.name.fit is NameFit.BEGINNING)
        return (-(whole > 0), -(parts > 0), -whole, -parts, -self.name.score)


def search_people(session: Session, text: str, *, today: date) -> SearchResults:
    """People who match the text in any of the ways it can be read, those who match best first.

    At most MOST people are given. The search is audited with the people it showed, without the text.
    """
    read, index = read_search_text(text), current_blind_index(session)
    tokens = name_tokens_of(read.name)
    candidates = _exact_candidates(session, index, read)
    _add_name_candidates(session, index, tokens, candidates)
    _add_partial_candidates(session, index, read, candidates)
    rows, documents = _open(session, candidates)
    _compare(candidates, documents, tokens, read)
    matched = {who: one for who, one in candidates.items() if who in documents and one.labels()}
    order = sorted(
        matched, key=lambda who: (*matched[who].place(), person_name(documents[who]).casefold(), str(who))
    )
    shown = {who: matched[who].labels() for who in order[:MOST]}
    people = _people_of(session, rows, documents, shown, today)
    kinds = sorted({_kind(label) for labels in shown.values() for label in labels})
    record_audit(session, "people.searched", kinds=kinds, shown=[str(person.person_id) for person in people])
    return SearchResults(people, len(order) > MOST, _suggestions(matched, documents, order))


def matching_people(session: Session, document: dict[str, Any], *, today: date) -> tuple[FoundPerson, ...]:
    """People who may be the same as one who is being recorded, the best match first, each with why.

    Weighed as the feed weighs them. Who has the same number, e-mail or full name is shown in any case; who is only
    similar, or shares a birth date, is shown where that is likely the same person.
    """
    candidates = _candidates_of_document(session, document)
    rows, documents = _open(session, candidates)
    given, family = document.get("given_name"), document.get("family_name")
    tokens = name_tokens_of(f"{given} {family}") if given and family else []
    shown: dict[UUID, tuple[str, ...]] = {}
    for who, comparison in compare_with_known_people(session, document, documents).items():
        is_likely = comparison.verdict in LIKELY_VERDICTS
        if candidates[who].exact or is_likely or is_whole_name(tokens, documents[who]):
            shown[who] = comparison.explanation or tuple(candidates[who].exact)
    people = _people_of(session, rows, documents, dict(list(shown.items())[:MOST]), today)
    record_audit(session, "people.matched", shown=[str(person.person_id) for person in people])
    return people


def likely_same_people(session: Session, document: dict[str, Any]) -> dict[UUID, IdentityComparison]:
    """Those who are likely the person of a document, the best match first; the person themselves among them."""
    candidates = _candidates_of_document(session, document)
    _, documents = _open(session, candidates)
    compared = compare_with_known_people(session, document, documents)
    likely = {who: each for who, each in compared.items() if each.verdict in LIKELY_VERDICTS}
    record_audit(session, "people.matched", shown=[str(who) for who in likely])
    return likely


def _candidates_of_document(session: Session, document: Mapping[str, Any]) -> dict[UUID, _Candidate]:
    """Whom to compare a document with: by number, e-mail, name as far as it goes, and birth date."""
    index = current_blind_index(session)
    read = SearchText(text="", name="", email=(document.get("email") or "").casefold() or None)
    candidates = _exact_candidates(session, index, read)
    for phone in filter(None, (document.get("phone"), document.get("phone_2"))):
        _note_exact(
            candidates, lookups.people_with_phone(session, phone_hash(index, phone), MOST), "phone number"
        )
    given, family, born = (document.get(name) for name in ("given_name", "family_name", "date_of_birth"))
    tokens = name_tokens_of(f"{given or ''} {family or ''}") if family and (given or born) else []
    _add_name_candidates(session, index, tokens, candidates)
    if born:
        for who in _born_on(session, index, born, MOST_COMPARED):
            candidates.setdefault(who, _Candidate())
    return candidates


def find_person(session: Session, person_id: UUID, *, today: date) -> FoundPerson:
    """A person who was found before. Raises NotFound when erased, absent or not the reader's to see."""
    people = _people(session, {person_id: ()}, today)
    if not people:
        raise NotFound
    record_audit(session, "person.viewed", subject_type="person", subject_id=person_id, person_id=person_id)
    return people[0]


def find_people(
    session: Session, found: dict[UUID, tuple[str, ...]], *, today: date
) -> tuple[FoundPerson, ...]:
    """These people, with why they are shown; erased ones and those not the reader's to see are left out."""
    shown = _people(session, found, today)
    record_audit(session, "people.compared", shown=[str(person.person_id) for person in shown])
    return shown


def _exact_candidates(session: Session, index: BlindIndex, read: SearchText) -> dict[UUID, _Candidate]:
    """Everyone with a value that is wholly what was typed."""
    candidates: dict[UUID, _Candidate] = {}
    conditions: dict[str, ColumnElement[bool]] = {}
    if read.email:
        conditions["e-mail"] = Person.email_hash == index.hash_value("email", read.email)
    if read.postcode:
        conditions["postcode"] = Person.postcode_hash == index.hash_value(
            "postcode", fold_text(read.postcode)
        )
    if read.born:
        conditions["date of birth"] = Person.dob_hash == index.hash_value(
            "date_of_birth", read.born.isoformat()
        )
    if read.reference:
        conditions["reference"] = Referral.reference == read.reference
    if fold_text(read.text):
        number = index.hash_value("crime_number", fold_text(read.text))
        conditions["crime number"] = Referral.crime_number_hash == number
    for label, condition in conditions.items():
        statement = select(Person.id).where(condition, Person.erased_at.is_(None))
        if label in ("reference", "crime number"):
            statement = statement.join(Referral, Referral.person_id == Person.id)
        # One more than is shown, to know that there are more.
        statement = statement.order_by(Person.created_at.desc(), Person.id).limit(MOST + 1)
        _note_exact(candidates, session.scalars(statement), label)
    if read.phone:
        found = lookups.people_with_phone(session, phone_hash(index, read.phone), MOST + 1)
        _note_exact(candidates, found, "phone number")
    return candidates


def _born_on(session: Session, index: BlindIndex, born: str, at_most: int) -> Sequence[UUID]:
    """Those born on a day: of a common name more people are known than are opened, of a day few."""
    return session.scalars(
        select(Person.id)
        .where(Person.dob_hash == index.hash_value("date_of_birth", born), Person.erased_at.is_(None))
        .order_by(Person.created_at.desc(), Person.id)
        .limit(at_most)
    ).all()


def _note_exact(candidates: dict[UUID, _Candidate], found: Iterable[UUID], label: str) -> None:
    for who in found:
        candidate = candidates.setdefault(who, _Candidate())
        if label not in candidate.exact:
            candidate.exact.append(label)


def _add_name_candidates(
    session: Session, index: BlindIndex, tokens: Sequence[str], candidates: dict[UUID, _Candidate]
) -> None:
    """Add those whose names may fit; nearer fits first, and no further once a page is full of whole names."""
    if not tokens:
        return
    whole = lookups.people_with_name(session, index, tokens, MOST + 1)
    found = [*whole]
    if len(whole) <= MOST:
        found += lookups.people_whose_names_begin(session, index, tokens, MOST_COMPARED)
        found += lookups.people_with_similar_names(session, index, tokens, MOST_COMPARED)
    for who in found:
        candidates.setdefault(who, _Candidate())


def _add_partial_candidates(
    session: Session, index: BlindIndex, read: SearchText, candidates: dict[UUID, _Candidate]
) -> None:
    """Add those of whose numbers a part may have been typed."""
    if read.digits:
        for who in lookups.people_with_phone_ending(session, index, read.digits, MOST_COMPARED):
            candidates.setdefault(who, _Candidate()).has_phone_end = True
    if read.number:
        for who, labels in people_with_reference_part(session, index, read.number, MOST_COMPARED).items():
            candidate = candidates.setdefault(who, _Candidate())
            for label in labels:
                if label.endswith(PART):
                    candidate.partly.append(label)
                elif label not in candidate.exact:
                    candidate.exact.append(label)


def _compare(
    candidates: Mapping[UUID, _Candidate],
    documents: Mapping[UUID, Mapping[str, Any]],
    tokens: Sequence[str],
    read: SearchText,
) -> None:
    """Hold what was typed against the opened names and numbers."""
    for who, candidate in candidates.items():
        document = documents.get(who, {})
        candidate.name = compare_names(tokens, document)
        if candidate.has_phone_end and "phone number" not in candidate.exact and read.digits:
            numbers = [phone_digits(document[name]) for name in PHONE_FIELDS if document.get(name)]
            if phone_digits(read.text) in numbers:
                candidate.exact.append("phone number")
            elif any(number.endswith(read.digits) for number in numbers):
                candidate.partly.append(f"phone ends in {read.digits}")


def _kind(label: str) -> str:
    """The label without what was typed, for the audit."""
    return "phone ends in" if label.startswith("phone ends in") else label


def _suggestions(
    matched: Mapping[UUID, _Candidate], documents: Mapping[UUID, Mapping[str, Any]], order: Sequence[UUID]
) -> tuple[str, ...]:
    """The nearest names, where nothing but near spellings was found."""
    if any(one.name.fit is not NameFit.SIMILAR or one.exact or one.partly for one in matched.values()):
        return ()
    return tuple(dict.fromkeys(person_name(documents[who]) for who in order))[:MOST_SUGGESTIONS]


def _open(
    session: Session, person_ids: Iterable[UUID]
) -> tuple[dict[UUID, Any], Mapping[UUID, Mapping[str, Any]]]:
    """The rows and opened documents of those whom the reader may see and who are not erased."""
    rows = session.execute(
        select(
            Person.id, Person.key_id, Person.sealed, Person.kind, WrappedKey.keyring_id, WrappedKey.wrapped
        )
        .outerjoin(WrappedKey, WrappedKey.id == Person.key_id)
        .where(column_in(Person.id, list(person_ids)), Person.erased_at.is_(None))
    ).all()
    opened = open_joined_people(
        JoinedPerson(SealedPerson(row.id, row.key_id, row.sealed), row.keyring_id, row.wrapped)
        for row in rows
    )
    return {row.id: row for row in rows}, opened


def _people(session: Session, found: dict[UUID, tuple[str, ...]], today: date) -> tuple[FoundPerson, ...]:
    rows, opened = _open(session, found)
    return _people_of(session, rows, opened, found, today)


def _people_of(
    session: Session,
    rows: Mapping[UUID, Any],
    opened: Mapping[UUID, Mapping[str, Any]],
    found: Mapping[UUID, tuple[str, ...]],
    today: date,
) -> tuple[FoundPerson, ...]:
    referrals = _referrals(session, found)
    return tuple(
        FoundPerson(
            person_id=person_id,
            name=person_name(opened[person_id]),
            age=age_of(opened[person_id], today),
            town=opened[person_id].get("town"),
            kind=rows[person_id].kind,
            matched=labels,
            referrals=tuple(referrals.get(person_id, ())),
        )
        for person_id, labels in found.items()
        if person_id in rows
    )


def _referrals(session: Session, person_ids: Iterable[UUID]) -> dict[UUID, list[FoundReferral]]:
    """The latest five of each person."""
    newest = func.row_number().over(
        partition_by=Referral.person_id, order_by=(Referral.received_at.desc(), Referral.id)
    )
    ranked = (
        select(
            Referral.id,
            Referral.person_id,
            Referral.reference,
            Referral.offence,
            Referral.district,
            Referral.received_at,
            Referral.state,
            Referral.risk,
            newest.label("place"),
        )
        .where(column_in(Referral.person_id, list(person_ids)))
        .subquery()
    )
    found: dict[UUID, list[FoundReferral]] = {}
    for row in session.execute(select(ranked).where(ranked.c.place <= 5).order_by(ranked.c.place)):
        found.setdefault(row.person_id, []).append(
            FoundReferral(
                row.id, row.reference, row.offence, row.district, row.received_at, row.state, row.risk
            )
        )
    return found
