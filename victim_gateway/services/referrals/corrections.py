"""Putting right what was recorded: what a caseworker corrected, no import overwrites again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.compliance.facts import Facts
from victim_gateway.crypto import fold_text
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_blind_index
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput
from victim_gateway.models import Referral
from victim_gateway.rules.safe_contact import CHANNELS_OF_FIELD
from victim_gateway.services.compliance import case_facts, stored_clocks
from victim_gateway.services.people.person_hashes import PERSON_FIELDS
from victim_gateway.services.referrals import safe_contact
from victim_gateway.services.referrals.create_referral import update_person_document
from victim_gateway.services.shared import next_action, referral_steps, submissions

REFERRAL_COLUMNS = ("offence", "district", "hate_strand", "interpreter_needed")
REFERRAL_SEALED = ("crime_number", "incident_number", "location", "what_happened")
# Nothing is more stable than these in telling who a person is, and nothing may be taken away without a word.
_NEVER_EMPTY = {"offence": "Enter what kind of crime it was"}


def correct_details(
    referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    changes: Mapping[str, Any],
    version: int,
    submission_id: UUID | None = None,
) -> tuple[str, ...]:
    """Put right fields of the person or the referral; gives the names of those that really changed.

    A changed number or address starts as not known to be safe. The birth date and what kind of crime it was
    become facts from now on. Raises InvalidInput for a field that can't be corrected or must not be empty.
    """
    _check(changes)
    with transaction(actor) as session:
        submissions.claim_submission(session, submission_id, at)
        referral = referral_steps.lock_referral_with_others(session, referral_id, version=version)
        changed = [
            *_correct_person(session, referral, changes, at),
            *_correct_referral(session, referral, changes),
        ]
        if changed:
            _facts(session, referral, changed, at)
            referral_steps.add_timeline_entry(
                session, referral, "referral.corrected", at=at, details={"fields": sorted(changed)}
            )
            referral_steps.audit_referral(session, "referral.corrected", referral, fields=sorted(changed))
            referral_steps.finish_action(session, referral, at=at)
    return tuple(sorted(changed))


def _check(changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if name not in (*PERSON_FIELDS, *REFERRAL_COLUMNS, *REFERRAL_SEALED):
            raise InvalidInput("This can't be corrected here.")
        if not value and name in _NEVER_EMPTY:
            raise InvalidInput(_NEVER_EMPTY[name], fields={name: _NEVER_EMPTY[name]})


def _differing(held: Mapping[str, Any], changes: Mapping[str, Any], among: Collection[str]) -> dict[str, Any]:
    return {
        name: value or None
        for name, value in changes.items()
        if name in among and (held.get(name) or None) != (value or None)
    }


def _correct_person(
    session: Session, referral: Referral, changes: Mapping[str, Any], at: datetime
) -> list[str]:
    person, key = referral_steps.open_person(session, referral.person_id, lock=True)
    held: dict[str, Any] = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    differing = _differing(held, changes, PERSON_FIELDS)
    if not differing:
        return []
    document = {name: value for name, value in {**held, **differing}.items() if value}
    if not any(document.get(name) for name in ("given_name", "family_name", "organisation_name")):
        raise InvalidInput("Enter a name", fields={"family_name": "Enter a name"})
    update_person_document(session, person, key, document, at=at)
    person.corrected_fields = sorted({*person.corrected_fields, *differing})
    doubtful = {way for name in differing for way in CHANNELS_OF_FIELD.get(name, ())}
    if doubtful:
        session.flush()
        safe_contact.mark_unconfirmed(
            session, referral, person, key, doubtful, at=at, before=held, after=document
        )
    if "date_of_birth" in differing:
        _ages(session, referral, document.get("date_of_birth"), at)
    return sorted(differing)


def _correct_referral(session: Session, referral: Referral, changes: Mapping[str, Any]) -> list[str]:
    _, key = referral_steps.open_person(session, referral.person_id)
    held: dict[str, Any] = encrypted_rows.unseal_row(key, "referral", referral.id, referral.sealed)
    told = _differing(held, changes, REFERRAL_SEALED)
    columns = _differing(
        {name: getattr(referral, name) for name in REFERRAL_COLUMNS}, changes, REFERRAL_COLUMNS
    )
    for name, value in columns.items():
        setattr(referral, name, bool(value) if name == "interpreter_needed" else value)
    if told:
        document = {name: value for name, value in {**held, **told}.items() if value}
        referral.sealed = encrypted_rows.seal_row(key, "referral", referral.id, document)
    if "crime_number" in told:
        number = fold_text(told["crime_number"] or "")
        referral.crime_number_hash = (
            current_blind_index(session).hash_value("crime_number", number) if number else None
        )
    changed = {*told, *columns}
    referral.corrected_fields = sorted({*referral.corrected_fields, *changed})
    return sorted(changed)


def _facts(session: Session, referral: Referral, changed: Collection[str], at: datetime) -> None:
    told: dict[str, Any] = {}
    if "district" in changed:
        told["district"] = referral.district
    if "offence" in changed:
        told["crime_type"] = referral.offence
    if told:
        session.flush()
        case_facts.update_case_facts(session, referral.id, at=at, **told)


def _ages(session: Session, corrected: Referral, born: str | None, at: datetime) -> None:
    """A birth date counts for every referral of the person: age at each offence, from now on."""
    session.flush()
    rows = session.scalars(
        select(Referral).where(Referral.person_id == corrected.person_id).order_by(Referral.id)
    ).all()
    for referral in rows:
        offence_on = times.london_date(referral.occurred_from or referral.reported_at or referral.received_at)
        known = Facts(date_of_birth=date.fromisoformat(born), offence_on=offence_on) if born else None
        ages: dict[str, Any] = {
            f"under_{age}": known.was_younger_than(age) if known else None for age in (17, 18)
        }
        case_facts.update_case_facts(session, referral.id, at=at, **ages)
    others = [referral.id for referral in rows if referral.id != corrected.id]
    stored_clocks.refresh_clocks(session, others, at=at)
    next_action.refresh_next_many(session, others, at=at)
