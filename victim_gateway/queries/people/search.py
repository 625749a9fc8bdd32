"""Search people by name, reference, crime number, telephone, e-mail, date of birth or postcode."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, LargeBinary, Select, cast, func, literal, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from victim_gateway.crypto import BlindIndex, fold_text
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_blind_index
from victim_gateway.errors import NotFound
from victim_gateway.feeds.cells import normal_postcode
from victim_gateway.models import Person, Referral
from victim_gateway.phone_numbers import phone_hash
from victim_gateway.queries.people.decrypted_people import (
    SealedPerson,
    age_of,
    open_person_documents,
)
from victim_gateway.queries.people.identity_weighing import compare_with_known_people
from victim_gateway.rules.identity_match import LIKELY_VERDICTS
from victim_gateway.rules.person_names import person_name
from victim_gateway.vocabulary import ReferralState, Risk

MOST = 50
_REFERENCE = re.compile(r"^([a-z]{2,4})[\s-]*([0-9]{2})[\s-]*([0-9]{1,6})$", re.IGNORECASE)
_DATE = re.compile(r"^([0-9]{1,2})[\s./-]+([0-9]{1,2}|[a-z]{3,9})[\s./-]+([0-9]{4})$", re.IGNORECASE)
_ISO_DATE = re.compile(r"^([0-9]{4})-([0-9]{2})-([0-9]{2})$")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


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
    people: tuple[FoundPerson, ...]
    has_more: bool


def search_people(session: Session, text: str, *, today: date) -> SearchResults:
    """People who match the text in any of the ways it can be read, those who match most ways first.

    A name matches when every word typed is one of the person's names. At most MOST people are given. The
    search is audited with the people it showed, without the text.
    """
    kinds = _readings(current_blind_index(session), text)
    found = _matches(session, kinds)
    shown = sorted(found, key=lambda person_id: (-len(found[person_id]), str(person_id)))
    results = _people(session, {person_id: found[person_id] for person_id in shown[:MOST]}, today)
    record_audit(
        session,
        "people.searched",
        kinds=sorted(kinds),
        shown=[str(person.person_id) for person in results],
    )
    return SearchResults(results, len(shown) > MOST)


def matching_people(session: Session, document: dict[str, Any], *, today: date) -> tuple[FoundPerson, ...]:
    """People who may be the same as one who is being recorded, the best match first, each with why.

    Found by name, number, e-mail or birth date, and weighed as the feed weighs them. Who shares only a birth
    date with a word of the name is shown only where that is likely the same person.
    """
    index = current_blind_index(session)
    kinds: dict[str, ColumnElement[bool]] = {}
    for name in ("phone", "email"):
        if document.get(name):
            kinds |= _readings(index, document[name], only=name)
    given, family, born = (document.get(name) for name in ("given_name", "family_name", "date_of_birth"))
    if given and family:
        kinds |= _by_name(index, f"{given} {family}", "name")
    words = index.name_tokens(given, family)
    if words and born:
        kinds["date of birth"] = (Person.dob_hash == index.hash_value("date_of_birth", born)) & (
            _overlaps(Person.name_tokens, words, Integer)
        )
    found = _matches(session, kinds)
    people = _people(session, _weighed(session, found, document), today)
    record_audit(session, "people.matched", shown=[str(person.person_id) for person in people])
    return people


def _weighed(
    session: Session, found: dict[UUID, tuple[str, ...]], document: dict[str, Any]
) -> dict[UUID, tuple[str, ...]]:
    """Who of the found people is shown, the best match first, each with why in words."""
    rows = session.execute(
        select(Person.id, Person.key_id, Person.sealed).where(
            Person.id.in_(found), Person.erased_at.is_(None)
        )
    )
    opened = open_person_documents(session, (SealedPerson(row.id, row.key_id, row.sealed) for row in rows))
    compared = compare_with_known_people(document, opened)
    return {
        person_id: comparison.explanation or found[person_id]
        for person_id, comparison in list(compared.items())[:MOST]
        if set(found[person_id]) != {"date of birth"} or comparison.verdict in LIKELY_VERDICTS
    }


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


def _readings(index: BlindIndex, text: str, only: str | None = None) -> dict[str, ColumnElement[bool]]:
    """Every way in which the text can be read, with the condition that finds it."""
    text = text.strip()
    kinds: dict[str, ColumnElement[bool]] = {}
    if (
        only in (None, "phone")
        and 6 <= sum(map(str.isdigit, text)) <= 15
        and not re.search("[a-z]", text, re.I)
    ):
        kinds["phone number"] = _holds(Person.phone_hashes, [phone_hash(index, text)], LargeBinary)
    if only in (None, "email") and "@" in text:
        kinds["e-mail"] = Person.email_hash == index.hash_value("email", text.casefold())
    if only is not None or not fold_text(text):
        return kinds
    postcode = normal_postcode(text)
    if postcode is not None:
        kinds["postcode"] = Person.postcode_hash == index.hash_value("postcode", fold_text(postcode))
    born = _date(text)
    if born:
        kinds["date of birth"] = Person.dob_hash == index.hash_value("date_of_birth", born.isoformat())
    reference = _REFERENCE.match(text)
    if reference:
        printed = f"{reference[1].upper()}-{reference[2]}-{int(reference[3]):06d}"
        kinds["reference"] = Referral.reference == printed
    kinds["crime number"] = Referral.crime_number_hash == index.hash_value("crime_number", fold_text(text))
    return kinds | _by_name(index, text, "name")


def _by_name(index: BlindIndex, text: str, kind: str) -> dict[str, ColumnElement[bool]]:
    tokens = index.name_tokens(text)
    return {kind: _holds(Person.name_tokens, tokens, Integer)} if tokens else {}


def _holds(column: Any, values: list[Any], kind: Any) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.bool_op("@>")(cast(values, ARRAY(kind)))
    return found


def _overlaps(column: Any, values: list[Any], kind: Any) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.bool_op("&&")(cast(values, ARRAY(kind)))
    return found


def _date(text: str) -> date | None:
    iso, written = _ISO_DATE.match(text), _DATE.match(text)
    try:
        if iso:
            return date(int(iso[1]), int(iso[2]), int(iso[3]))
        if written:
            month = written[2].lower()[:3]
            number = _MONTHS.index(month) + 1 if month in _MONTHS else int(written[2])
            return date(int(written[3]), number, int(written[1]))
    except ValueError:
        return None
    return None


def _matches(session: Session, kinds: dict[str, ColumnElement[bool]]) -> dict[UUID, tuple[str, ...]]:
    if not kinds:
        return {}
    parts = [_part(kind, condition) for kind, condition in kinds.items()]
    found: dict[UUID, tuple[str, ...]] = {}
    for person_id, kind in session.execute(union_all(*parts)):
        if kind not in found.get(person_id, ()):
            found[person_id] = (*found.get(person_id, ()), kind)
    return found


def _part(kind: str, condition: ColumnElement[bool]) -> Select[Any]:
    statement = select(Person.id, literal(kind).label("kind")).where(condition, Person.erased_at.is_(None))
    if kind in ("reference", "crime number"):
        statement = statement.join(Referral, Referral.person_id == Person.id)
    # One more than is shown, to know that there are more.
    return select(statement.limit(MOST + 1).subquery())


def _people(session: Session, found: dict[UUID, tuple[str, ...]], today: date) -> tuple[FoundPerson, ...]:
    rows = session.execute(
        select(Person.id, Person.key_id, Person.sealed, Person.kind).where(
            Person.id.in_(found), Person.erased_at.is_(None)
        )
    ).all()
    opened = open_person_documents(session, (SealedPerson(row.id, row.key_id, row.sealed) for row in rows))
    referrals = _referrals(session, found)
    people = {
        row.id: FoundPerson(
            person_id=row.id,
            name=person_name(opened[row.id]),
            age=age_of(opened[row.id], today),
            town=opened[row.id].get("town"),
            kind=row.kind,
            matched=found[row.id],
            referrals=tuple(referrals.get(row.id, ())),
        )
        for row in rows
    }
    return tuple(people[person_id] for person_id in found if person_id in people)


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
        .where(Referral.person_id.in_(person_ids))
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
