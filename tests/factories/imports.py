"""Importing rows in a test, and what came of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, BinaryIO
from uuid import UUID

from sqlalchemy import select

from tests.factories.feeds import feed_file
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.models import OnwardReferral, Person, Referral, SafeContactPlan
from victim_gateway.queries.onward_referrals.handover import SAFE_CONTACT
from victim_gateway.services.imports.batches import ImportSummary
from victim_gateway.services.imports.runner import ImportRequest, import_file
from victim_gateway.vocabulary import ImportKind

IMPORTED_AT = datetime(2026, 3, 10, 9, tzinfo=UTC)
IMPORTER = Actor.worker("test import")


def import_stream(
    stream: BinaryIO,
    *,
    kind: ImportKind = ImportKind.POLICE_FEED,
    file_name: str = "feed.csv",
    history: bool = False,
    dry_run: bool = False,
    put_back: bool = False,
    at: datetime = IMPORTED_AT,
) -> ImportSummary:
    """Import an open file as a command does."""
    request = ImportRequest(kind, file_name, history=history, dry_run=dry_run, put_back=put_back)
    return import_file(stream, request, actor=IMPORTER, at=at)


def import_rows(
    *rows: dict[str, str], events: bool = False, history: bool = False, at: datetime = IMPORTED_AT
) -> ImportSummary:
    """Import rows as one file: of referrals, or of case events."""
    kind = ImportKind.CASE_EVENTS if events else ImportKind.POLICE_FEED
    return import_stream(feed_file(*rows, events=events), kind=kind, history=history, at=at)


def imported_referral(row: dict[str, str]) -> Referral:
    """The referral that a row of the feed became."""
    with transaction(IMPORTER) as session:
        return session.scalars(select(Referral).where(Referral.feed_reference == row["feed_reference"])).one()


def imported_person(row: dict[str, str]) -> dict[str, Any]:
    """What is sealed of the person whom a row of the feed is about."""
    person_id = imported_referral(row).person_id
    with transaction(IMPORTER) as session:
        person = session.get_one(Person, person_id)
        key = encrypted_rows.open_key(session, person.key_id)
        document: dict[str, Any] = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
        return document


def imported_plan(row: dict[str, str]) -> tuple[SafeContactPlan, dict[str, Any]]:
    """The safe-contact plan of the person whom a row is about, and what is sealed in it."""
    return plan_in_force(imported_referral(row).person_id)


def plan_in_force(person_id: UUID) -> tuple[SafeContactPlan, dict[str, Any]]:
    """A person's safe-contact plan, and what is sealed in it."""
    with transaction(IMPORTER) as session:
        plan = session.scalars(
            select(SafeContactPlan).where(
                SafeContactPlan.person_id == person_id, SafeContactPlan.superseded_at.is_(None)
            )
        ).one()
        key = encrypted_rows.open_key(session, session.get_one(Person, person_id).key_id)
        document: dict[str, Any] = encrypted_rows.unseal_row(key, "safe_contact_plan", plan.id, plan.sealed)
        return plan, document


def provider_safe_contact(onward_referral_id: UUID) -> dict[str, Any]:
    """What the provider of an onward referral can read about reaching the person."""
    with transaction(IMPORTER) as session:
        onward = session.get_one(OnwardReferral, onward_referral_id)
        key = encrypted_rows.open_key(session, onward.key_id)
        document: dict[str, Any] = encrypted_rows.unseal_row(
            key, SAFE_CONTACT, onward.id, onward.safe_contact_sealed
        )
        return document
