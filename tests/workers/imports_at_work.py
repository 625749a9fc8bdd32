"""Imports for tests with real processes, and whether anything that is derived has drifted."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.factories.feeds import feed_file
from tests.plumbing.programs import RunGateway
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import Person, Referral
from victim_gateway.queries.people.decrypted_people import SealedPerson, open_person_documents
from victim_gateway.services.imports.runner import ImportRequest, import_file
from victim_gateway.services.shared import next_action
from victim_gateway.vocabulary import ImportKind

IMPORTER = Actor.worker("test import")


def import_now(*rows: dict[str, str]) -> None:
    request = ImportRequest(ImportKind.POLICE_FEED, "feed.csv")
    import_file(feed_file(*rows), request, actor=IMPORTER, at=times.now())


def referral_of(row: dict[str, str]) -> Referral:
    with transaction(IMPORTER) as session:
        return session.scalars(select(Referral).where(Referral.feed_reference == row["feed_reference"])).one()


def documents_of(rows: list[dict[str, str]]) -> dict[str, dict[str, object]]:
    """What is sealed of the person of each row."""
    with transaction(IMPORTER) as session:
        found = session.execute(
            select(Referral.feed_reference, Person.id, Person.key_id, Person.sealed)
            .join(Person, Person.id == Referral.person_id)
            .where(Referral.feed_reference.in_([row["feed_reference"] for row in rows]))
        ).all()
        opened = open_person_documents(
            session, (SealedPerson(row.id, row.key_id, row.sealed) for row in found)
        )
        return {str(row.feed_reference): dict(opened[row.id]) for row in found}


def assert_nothing_drifted(run_gateway: RunGateway) -> None:
    """Stored clocks and next actions are what the events say."""
    checked = run_gateway("compliance", "recompute", "--check", "--json")
    assert checked.returncode == 0, checked.stdout + checked.stderr

    class RollBack(Exception):
        pass

    columns = (Referral.id, Referral.next_action, Referral.waiting_on, Referral.next_due_on)
    with pytest.raises(RollBack), transaction(IMPORTER) as session:
        stored = {tuple(row) for row in session.execute(select(*columns))}
        next_action.refresh_next_actions(session, [row[0] for row in stored], at=times.now())
        session.expire_all()
        assert {tuple(row) for row in session.execute(select(*columns))} == stored
        raise RollBack
