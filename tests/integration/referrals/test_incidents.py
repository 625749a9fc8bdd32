"""An incident that several referrals share: proposed, recorded, joined, left, written to, and kept from others."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from tests.factories import casework as make
from tests.factories.casework import MONDAY
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import AlreadyDone, InvalidInput, NotFound, StaleVersion, TransitionNotAllowed
from victim_gateway.models import AuditEntry, Incident, Note, Referral
from victim_gateway.queries.referrals.header import referral_header
from victim_gateway.queries.referrals.incidents import (
    IncidentCounts,
    SharedIncident,
    incident_list,
    incident_page,
    shared_incident,
)
from victim_gateway.queries.referrals.overview import case_notes
from victim_gateway.services.referrals import incidents, person_links
from victim_gateway.services.referrals.incidents import IncidentFacts, WrittenToAll
from victim_gateway.services.referrals.notes import NewNote
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import LinkRole, Role

JOIN = text(
    "INSERT INTO incident_referral (id, incident_id, referral_id, joined_at, joined_by_id)"
    " VALUES (gen_random_uuid(), :incident, :referral, now(), :user)"
)
DESCRIBE = text(
    "INSERT INTO incident_description (id, incident_id, version, recorded_at, by_id, sealed)"
    " VALUES (gen_random_uuid(), :incident, 9, now(), :user, '')"
)
KNOWN = IncidentFacts(title="Burglaries in Mill Lane", facts="Five houses in one night.")
ROAD = "22/0004711/26"


def shared(actor: Actor, referral_id: UUID) -> SharedIncident:
    with transaction(actor) as session:
        return shared_incident(session, session.get_one(Referral, referral_id))


def notes_of(actor: Actor, referral_id: UUID) -> list[str]:
    with transaction(actor) as session:
        head = referral_header(session, referral_id, at=MONDAY, page="test")
        return [note.body for note in case_notes(session, referral_id, head.key)]


def _claim_note(session: Session, sending: Command, referral_id: UUID, note: NewNote) -> None:
    """As a sending does that stopped after this referral."""
    assert sending.submission_id is not None
    claimed = incidents.note_submission_id(sending.submission_id, referral_id, note)
    submissions.claim_submission(session, replace(sending, submission_id=claimed))


def test_an_edited_note_goes_to_the_referrals_too_that_an_interrupted_sending_reached(
    caseworker: Actor,
) -> None:
    one, two = (make.recorded(caseworker, crime_number=ROAD) for _ in range(2))
    incident_id = incidents.open_incident(Command(caseworker, MONDAY), one, KNOWN, with_others={two})
    sending = Command(caseworker, MONDAY, submission_id=uuid4())
    before, edited = NewNote("The court", "It is on Friday."), NewNote("The court", "It is on Monday.")
    with transaction(caseworker) as session:
        _claim_note(session, sending, one, before)
    assert incidents.write_note_to_all(sending, incident_id, edited, listed={one, two}) == WrittenToAll(2, 0)
    assert notes_of(caseworker, one) == notes_of(caseworker, two) == [edited.body]


def test_an_incident_is_proposed_recorded_joined_left_described_and_written_to(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    command = Command(caseworker, MONDAY)
    one, two, hidden = (make.recorded(caseworker, crime_number=ROAD) for _ in range(3))
    street, alone = make.recorded(caseworker), make.recorded(caseworker, crime_number="22/1")
    again = make.recorded(caseworker, crime_number=ROAD, person_id=make.referral(one, caseworker).person_id)
    with owner() as session:
        session.get_one(Referral, hidden).restricted = True

    # The same person's other referral and one that only others may see propose nothing.
    assert shared(caseworker, one).same_crime == 1
    assert shared(caseworker, again).same_crime == 1
    assert shared(caseworker, alone) == SharedIncident(None, None, 0)

    form = Command(caseworker, MONDAY, submission_id=uuid4())
    # Only what was ticked joins, and of that only what has the same crime number and is theirs to see.
    third = make.recorded(caseworker, crime_number=ROAD)
    incident_id = incidents.open_incident(form, one, KNOWN, with_others={two, alone, hidden})
    assert shared(caseworker, third).same_crime_incident is not None
    assert shared(caseworker, alone) == SharedIncident(None, None, 0)
    number = shared(caseworker, two).number
    assert number is not None
    assert shared(caseworker, two) == SharedIncident(incident_id, number, 1)
    assert shared(caseworker, again).same_crime_incident == number
    incidents.join_incident(command, street, number)
    with pytest.raises(TransitionNotAllowed, match=f"is in incident {number} already"):
        incidents.join_incident(command, street, number)
    with pytest.raises(InvalidInput):
        incidents.join_incident(command, alone, number + 1)
    incidents.add_referral_to_incident(
        command, incident_id, reference=make.referral(alone, caseworker).reference
    )
    incidents.leave_incident(command, alone, reason="Another night.")
    with pytest.raises(NotFound):
        incidents.leave_incident(command, alone, reason="Another night.")

    # A suspect for another person in it, whichever way the incident was filled; and one that only others may see.
    person_links.record_link(
        command,
        make.referral(one, caseworker).person_id,
        other_reference=make.referral(street, caseworker).reference,
        role=LinkRole.SUSPECT,
    )
    with owner() as session:
        session.execute(
            JOIN,
            {"incident": incident_id, "referral": hidden, "user": caseworker.user_id},
        )
    said = NewNote("The court", "The hearing is on Friday.")
    sending = Command(caseworker, MONDAY, submission_id=uuid4())
    listed = {one, street, hidden, third}
    # A sending that stopped after the first referral goes on, and one that was not listed gets nothing.
    with transaction(caseworker) as session:
        _claim_note(session, sending, one, said)
    assert incidents.write_note_to_all(sending, incident_id, said, listed=listed) == WrittenToAll(1, 1)
    assert notes_of(caseworker, one) == notes_of(caseworker, two) == []
    with pytest.raises(AlreadyDone):
        incidents.write_note_to_all(sending, incident_id, said, listed=listed)
    listed |= {two}
    assert incidents.write_note_to_all(command, incident_id, said, listed=listed) == WrittenToAll(2, 1)
    with pytest.raises(TransitionNotAllowed):
        incidents.write_note_to_all(command, incident_id, said, listed={hidden, street})
    assert notes_of(caseworker, one) == notes_of(caseworker, two) == ["The hearing is on Friday."]
    assert notes_of(caseworker, street) == []
    with owner() as session:
        assert session.scalar(select(func.count()).where(Note.referral_id == hidden)) == 0

    with owner() as session:
        session.get_one(Referral, two).officer_grade = "high"
    more = IncidentFacts(title="Burglaries in Mill Lane", facts="Six houses.")
    incidents.describe_incident(Command(caseworker, MONDAY, version=1), incident_id, more)
    with pytest.raises(StaleVersion):
        incidents.describe_incident(Command(caseworker, MONDAY, version=1), incident_id, KNOWN)
    with transaction(caseworker) as session:
        page = incident_page(session, incident_id)
        rows, has_more = incident_list(session)
        assert incident_list(session, after=number) == ((), False)
    assert page.counts == IncidentCounts(all=4, seen=3, high_risk=1)
    assert {item.referral_id for item in page.members} == {one, two, street}
    assert page.has_suspect
    assert [version.facts for version in page.texts] == ["Six houses.", "Five houses in one night."]
    assert [(item.referral_id, item.reason) for item in page.past] == [(alone, "Another night.")]
    assert ([row.incident_id for row in rows], has_more) == ([incident_id], False)

    # Taken out by a person: not proposed for it again.
    incidents.leave_incident(command, two, reason="A mistake of the force.")
    assert shared(caseworker, two) == SharedIncident(None, None, 0, same_crime=2)
    with owner() as session:
        written = set(session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("incident%"))))
    assert written >= {
        "incident.recorded",
        "incident.joined",
        "incident.left",
        "incident.described",
        "incident.note_written",
        "incident.viewed",
        "incidents.listed",
    }

    # What is there to be read through one referral is gone with it, and what left is not changed again.
    with pytest.raises(ProgrammingError, match="row-level security"), transaction(caseworker) as session:
        session.execute(DESCRIBE, {"incident": uuid4(), "user": caseworker.user_id})
    with owner() as session:
        for referral_id in (one, street):
            session.get_one(Referral, referral_id).restricted = True
    with pytest.raises(NotFound), transaction(caseworker) as session:
        incident_page(session, incident_id)
    for statement in (DESCRIBE, JOIN):
        with pytest.raises(ProgrammingError, match="row-level security"), transaction(caseworker) as session:
            values = {"incident": incident_id, "user": caseworker.user_id, "referral": third}
            session.execute(statement, values)
    with transaction(caseworker) as session:
        leave_again = text("UPDATE incident_referral SET left_at = now() WHERE referral_id = :referral")
        assert session.execute(leave_again, {"referral": two}).rowcount == 0  # type: ignore[attr-defined]

    # A reader who sees none of its referrals does not learn that there is an incident; a provider has no right to any.
    with owner() as session:
        for referral_id in (one, two, street, alone):
            session.get_one(Referral, referral_id).restricted = True
    with pytest.raises(NotFound), transaction(caseworker) as session:
        incident_page(session, incident_id)
    with pytest.raises(NotFound):
        incidents.write_note_to_all(command, incident_id, said, listed=listed)
    for role in (Role.MANAGER, Role.ADMIN, Role.AUDITOR):
        with pytest.raises(Exception, match="permission denied"), transaction(make_actor(role)) as session:
            session.scalars(select(Incident.id)).all()
