"""However the rows are cut into files, what is known at the end is the same: they are told one after another."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories.imports import IMPORTER, import_rows
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.models import (
    CaseEvent,
    CaseFacts,
    Consent,
    EntitlementClock,
    Person,
    Referral,
    SafeContactPlan,
    Task,
)
from victim_gateway.vocabulary import TaskKind

CHOICES: dict[str, tuple[str, ...]] = {
    "district": ("Stafford", "Tamworth"),
    "phone": ("07700 900001", "07700 900002", ""),
    "safe_to_contact": ("yes", "no", "unknown"),
    "preferred_contact": ("phone", "email"),
    "consent_to_referral": ("yes", "no", "not_asked"),
    "domestic_abuse": ("yes", "no"),
    "vulnerable": ("yes", ""),
    "reported_at": ("2026-03-02T09:00:00", "2026-03-01T08:00:00"),
    "acknowledged_at": ("2026-03-04T10:00:00", "2026-03-05T10:00:00", ""),
    "safe_contact_note": ("Mornings only", ""),
}


def tellings(seed: int, mark: str) -> list[dict[str, str]]:
    """Thirty rows about six referrals of three people, changed at every telling."""
    chance = random.Random(seed)
    rows = []
    for _ in range(30):
        referral = chance.randrange(6)
        rows.append(
            {
                "feed_reference": f"{mark}-{referral}",
                "force": "Staffordshire Police",
                "offence": "Burglary",
                "transferred_at": "2026-03-03T09:00:00",
                "victim_reference": f"{mark}-{referral % 3}",
                "given_name": "Robin",
                "family_name": f"{mark}{referral % 3}",
                "date_of_birth": "1985-06-07",
                "email": "robin@example.org",
                **{name: chance.choice(values) for name, values in CHOICES.items()},
            }
        )
    return rows


def known(mark: str) -> list[Any]:
    """All that is known of the referrals of a mark, without ids and without the mark."""
    with transaction(IMPORTER) as session:
        found = session.execute(
            select(Referral, Person)
            .join(Person, Person.id == Referral.person_id)
            .where(Referral.feed_reference.startswith(f"{mark}-"))
            .order_by(Referral.feed_reference)
        ).all()
        said = []
        for referral, person in found:
            key = encrypted_rows.open_key(session, person.key_id)
            plans = session.scalars(
                select(SafeContactPlan).where(
                    SafeContactPlan.person_id == person.id, SafeContactPlan.superseded_at.is_(None)
                )
            ).all()
            document = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
            columns = ("state", "held_reason", "district", "police_consent", "domestic_abuse", "next_action")
            events = session.scalars(
                select(CaseEvent).where(CaseEvent.referral_id == referral.id).order_by(CaseEvent.sequence)
            ).all()
            names = {event.id: (event.event, event.occurred_at) for event in events}
            facts = session.scalars(
                select(CaseFacts).where(CaseFacts.referral_id == referral.id).order_by(CaseFacts.sequence)
            ).all()
            said.append(
                {
                    "referral": [getattr(referral, name) for name in columns],
                    "sealed": encrypted_rows.unseal_row(key, "referral", referral.id, referral.sealed),
                    "person": {name: value for name, value in document.items() if name != "family_name"},
                    "plans": [
                        (plan.safe, encrypted_rows.unseal_row(key, "safe_contact_plan", plan.id, plan.sealed))
                        for plan in plans
                    ],
                    "consents": sorted(
                        (consent.agreed, consent.withdrawn_at is None)
                        for consent in session.scalars(select(Consent).where(Consent.person_id == person.id))
                    ),
                    "events": sorted(
                        str(
                            (
                                event.event,
                                # An event of ours happens when its file is imported, to the second.
                                event.occurred_at.replace(microsecond=0)
                                if event.event.startswith(("referral", "event_voided"))
                                else event.occurred_at,
                                event.repeat_number,
                                names.get(event.voids_id) if event.voids_id else None,
                                event.details,
                            )
                        )
                        for event in events
                        # by the no itself, or by a row of its own that comes with the no: held either way
                        if event.event != "referral.held"
                    ),
                    "facts": [(row.enhanced, row.conditions, row.under_18) for row in facts],
                    "tasks": sorted(
                        (task.kind, str(task.details))
                        for task in session.scalars(
                            # The people of the second telling are like those of the first, which is in the way.
                            select(Task).where(
                                Task.referral_id == referral.id, Task.kind != TaskKind.POSSIBLE_SAME_PERSON
                            )
                        )
                    ),
                    "clocks": sorted(
                        (
                            clock.entitlement_id,
                            clock.started_at.replace(second=0, microsecond=0),
                            clock.status,
                        )
                        + (clock.due_on,)
                        for clock in session.scalars(
                            select(EntitlementClock).where(EntitlementClock.referral_id == referral.id)
                        )
                    ),
                }
            )
        return said


@pytest.mark.parametrize("seed", range(6 if os.environ.get("CI") else 2))
def test_one_file_says_what_a_file_for_each_row_says(app: Flask, seed: int) -> None:
    import_rows(*tellings(seed, "ONE"))
    for row in tellings(seed, "EACH"):
        import_rows(row)

    together, apart = known("ONE"), known("EACH")
    assert len(together) == len(apart) > 1
    for one, each in zip(together, apart, strict=True):
        assert one == each
