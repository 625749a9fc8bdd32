"""One incident with many victims: recorded, joined and left, described, and a note to all of its referrals.

No provider sees any of it, and nothing of one person is shown or written to another: an incident has no names, and a
note to all stays out of the record of whoever is a suspect for another person in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import AlreadyDone, InvalidInput, NotFound, StaleVersion, TransitionNotAllowed
from victim_gateway.models import Incident, IncidentDescription, IncidentReferral, Referral
from victim_gateway.queries.referrals.incidents import note_recipients, referrals_of_same_crime
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.incidents import LONGEST_REASON, find_description_mistakes
from victim_gateway.services.referrals.notes import NewNote, write_note_in_action
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    start_referral_action,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import ReferralState

NOTE_BATCH = 50
"""How many referrals one transaction of a note to all keeps locked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFacts:
    """What is known of an incident: no names of people, whom each referral is about is its own page's to say."""

    title: str
    facts: str = ""
    happened_on: date | None = None


@dataclass(frozen=True, slots=True)
class WrittenToAll:
    """How many referrals got a note, and how many did not because their person is a suspect for another one."""

    written: int
    kept_from_suspects: int


def open_incident(
    command: Command, referral_id: UUID, known: IncidentFacts, *, with_others: Collection[UUID] = ()
) -> UUID:
    """Record an incident with this referral in it, and those of other people that were chosen.

    Of those chosen only such join as still have the same crime number, are in no incident, and are the actor's to
    see. Raises InvalidInput for facts that are missing or lie in the future, NotFound, and TransitionNotAllowed for a
    referral that is in an incident already or was entered in error.
    """
    _check_facts(command, known)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        referral = _visible_referral(session, referral_id)
        found = referrals_of_same_crime(session, referral) if with_others else []
        others = {each.referral_id for each in found} & set(with_others)
        incident_id = new_row_id()
        key_id, key = encrypted_rows.new_key(session, "incident", incident_id, command.at)
        session.execute(
            insert(Incident).values(
                id=incident_id,
                key_id=key_id,
                recorded_at=command.at,
                recorded_by_id=command.actor.user_id,
                version=1,
            )
        )
        _write_description(session, command, incident_id, key, 1, known)
        _join(session, command, incident_id, {referral_id, *others})
        _audit(session, "incident.recorded", incident_id)
    return incident_id


def join_incident(command: Command, referral_id: UUID, number: int) -> UUID:
    """Put a referral into the incident of this number; gives the incident's id.

    Raises InvalidInput where there is no incident of that number that the actor may see, NotFound, and
    TransitionNotAllowed for a referral that is in one already or was entered in error.
    """
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        incident_id = session.scalar(select(Incident.id).where(Incident.number == number))
        if incident_id is None:
            message = "Enter the number of an incident from the list of incidents"
            raise InvalidInput(message, fields={"number": message})
        _join(session, command, incident_id, {referral_id})
    return incident_id


def add_referral_to_incident(command: Command, incident_id: UUID, *, reference: str) -> None:
    """The same from the incident's page, by the reference of a referral. Raises as `join_incident` does."""
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        if session.get(Incident, incident_id) is None:
            raise NotFound
        chosen = select(Referral.id).where(Referral.reference == reference.strip().upper())
        referral_id = session.scalar(chosen)
        if referral_id is None:
            message = "Enter the reference of a referral that you can see, like SG-26-004217"
            raise InvalidInput(message, fields={"reference": message})
        _join(session, command, incident_id, {referral_id})


def leave_incident(command: Command, referral_id: UUID, *, reason: str) -> None:
    """Take a referral out of its incident; that it was in it stays in the history, and it is not proposed again.

    Raises InvalidInput without a reason, and NotFound where the referral is in no incident.
    """
    said = reason.strip()
    if not said or len(said) > LONGEST_REASON:
        message = f"Shorten this to {LONGEST_REASON:,} characters" if said else "Enter why it does not belong"
        raise InvalidInput(message, fields={"reason": message})
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        action = _start(session, command, referral_id)
        row = session.scalar(
            select(IncidentReferral)
            .where(IncidentReferral.referral_id == referral_id, IncidentReferral.left_at.is_(None))
            .with_for_update()
        )
        if row is None:
            raise NotFound
        incident = session.get_one(Incident, row.incident_id)
        key = encrypted_rows.open_key(session, incident.key_id)
        row.left_at, row.left_by_id = command.at, command.actor.user_id
        row.left_sealed = encrypted_rows.seal_row(key, "incident_referral", row.id, {"words": said})
        action.add_timeline_entry("incident.left", EventDetails(codes={"incident": incident.number}))
        action.record_audit("incident.left", incident=str(incident.id))
        action.finish()


def describe_incident(command: Command, incident_id: UUID, known: IncidentFacts) -> None:
    """Write a new version of what is known; the one before stays to be read.

    Raises NotFound, InvalidInput, and StaleVersion where somebody changed it since the page was opened.
    """
    _check_facts(command, known)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        incident = session.get(Incident, incident_id, with_for_update=True)
        if incident is None:
            raise NotFound
        if command.version is not None and command.version != incident.version:
            raise StaleVersion("Somebody changed this incident after you opened the page. Read it first.")
        key = encrypted_rows.open_key(session, incident.key_id)
        incident.version += 1
        _write_description(session, command, incident_id, key, incident.version, known)
        _audit(session, "incident.described", incident_id, version=incident.version)


def write_note_to_all(
    command: Command, incident_id: UUID, note: NewNote, *, listed: Collection[UUID]
) -> WrittenToAll:
    """Write one note on the referrals of an incident that the page listed, each sealed for its own person.

    Not on those that left meanwhile, were entered in error, whose person is erased, or whose person is a suspect for
    another one of the incident: what is known of a victim must not reach them. In batches, each a transaction of its
    own that asks anew, so that an incident of hundreds does not keep all of its referrals from everybody else. The
    same form sent again goes on where the first sending stopped, and with an edited text it starts anew. Raises
    NotFound, AlreadyDone, and TransitionNotAllowed where nothing is left to write on.
    """
    submissions.refuse_repeated_submission(command)
    written: set[UUID] = set()
    while True:
        with transaction(command.actor) as session:
            if session.get(Incident, incident_id) is None:
                raise NotFound
            recipients = note_recipients(session, incident_id)
            fitting = {each.referral_id for each in recipients.referrals} & set(listed)
            batch = sorted(fitting - written)[:NOTE_BATCH]
            for referral_id in batch:
                _write_note_once(session, command, incident_id, referral_id, note)
            written.update(batch)
            left_out = len(recipients.kept_from & set(listed))
            if not batch:
                if not written:
                    raise TransitionNotAllowed(
                        "There is no referral in this incident that the note can go to."
                    )
                submissions.claim_submission(session, command)
                _audit(
                    session, "incident.note_written", incident_id, referrals=len(written), left_out=left_out
                )
                return WrittenToAll(len(written), left_out)


def note_submission_id(submission_id: UUID, referral_id: UUID, note: NewNote) -> UUID:
    """The number under which a form writes this note on one referral."""
    text = json.dumps([note.subject, note.body])
    return uuid5(submission_id, f"{referral_id} {hashlib.sha256(text.encode()).hexdigest()}")


def _write_note_once(
    session: Session, command: Command, incident_id: UUID, referral_id: UUID, note: NewNote
) -> None:
    """Under a number of its own for each referral and text: a second sending finds what the first one wrote.

    Where the text was edited in between, the referrals that have the old text get the new one as well.
    """
    own = replace(command, draft_id=None)
    if command.submission_id is not None:
        own = replace(own, submission_id=note_submission_id(command.submission_id, referral_id, note))
        try:
            submissions.claim_submission(session, own)
        except AlreadyDone:
            return
    action = _start(session, own, referral_id)
    write_note_in_action(action, note, incident=str(incident_id))
    action.finish()


def _start(session: Session, command: Command, referral_id: UUID) -> ReferralAction:
    action = start_referral_action(session, command, referral_id)
    action.effect = ActionEffect.NOTHING
    return action


def _visible_referral(session: Session, referral_id: UUID) -> Referral:
    referral = session.get(Referral, referral_id)
    if referral is None:
        raise NotFound
    return referral


def _join(session: Session, command: Command, incident_id: UUID, referral_ids: Collection[UUID]) -> None:
    """In the order of their ids: two caseworkers who join the same ones wait for each other."""
    actions = [_start(session, command, referral_id) for referral_id in sorted(referral_ids)]
    for action in actions:
        _check_free(session, action.referral)
        session.execute(
            insert(IncidentReferral).values(
                id=new_row_id(),
                incident_id=incident_id,
                referral_id=action.referral.id,
                joined_at=command.at,
                joined_by_id=command.actor.user_id,
            )
        )
    number = session.scalars(select(Incident.number).where(Incident.id == incident_id)).one()
    for action in actions:
        action.add_timeline_entry("incident.joined", EventDetails(codes={"incident": number}))
        action.record_audit("incident.joined", incident=str(incident_id))
        action.finish()


def _check_free(session: Session, referral: Referral) -> None:
    if referral.state is ReferralState.ENTERED_IN_ERROR:
        raise TransitionNotAllowed("This referral was entered in error, so it belongs to no incident.")
    current = select(Incident.number).join(IncidentReferral, IncidentReferral.incident_id == Incident.id)
    number = session.scalar(
        current.where(IncidentReferral.referral_id == referral.id, IncidentReferral.left_at.is_(None))
    )
    if number is not None:
        raise TransitionNotAllowed(
            f"{referral.reference} is in incident {number} already. Take it out of that first."
        )


def _check_facts(command: Command, known: IncidentFacts) -> None:
    wrong = find_description_mistakes(known.title, known.facts)
    if known.happened_on is not None and known.happened_on > times.london_date(command.at):
        wrong["happened_on"] = "When it happened must be today or in the past"
    if wrong:
        raise InvalidInput(next(iter(wrong.values())), fields=wrong)


def _write_description(
    session: Session, command: Command, incident_id: UUID, key: bytes, version: int, known: IncidentFacts
) -> None:
    row_id = new_row_id()
    document = {"title": known.title.strip(), "facts": known.facts.strip()}
    session.execute(
        insert(IncidentDescription).values(
            id=row_id,
            incident_id=incident_id,
            version=version,
            happened_on=known.happened_on,
            recorded_at=command.at,
            by_id=command.actor.user_id,
            sealed=encrypted_rows.seal_row(key, "incident_description", row_id, document),
        )
    )


def _audit(session: Session, audit_action: str, incident_id: UUID, **details: Any) -> None:
    record_audit(session, audit_action, subject_type="incident", subject_id=incident_id, **details)
