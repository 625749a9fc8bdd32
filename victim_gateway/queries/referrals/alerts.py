"""The alerts of a person as a caseworker's page shows them, from what is recorded now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.models import Person, PersonLink, Referral, SafeContactPlan
from victim_gateway.queries.people.decrypted_people import age_of
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.queries.people.safe_contact_plans import is_plan_in_force
from victim_gateway.queries.referrals.marac import describe_marac, last_marac_referral
from victim_gateway.rules.alerts import AlertFacts, PersonAlert, list_alerts
from victim_gateway.rules.attempt_safety import SafeContactFacts
from victim_gateway.rules.contact_stops import ContactStop, contact_stops
from victim_gateway.rules.hold import ADULT_AGE
from victim_gateway.rules.person_links import NEVER_CONTACT_ROLES
from victim_gateway.vocabulary import Channel, Harm, ReferralState, SafeAnswer


def referral_alerts(session: Session, referral_id: UUID, *, at: datetime) -> tuple[PersonAlert, ...]:
    """The alerts of one referral, for a page that does not read its header; none where the reader may not see it.

    The page has audited that the person was seen.
    """
    row = session.execute(
        select(
            Referral,
            Person,
            SafeContactPlan,
            last_marac_referral(Referral.person_id),
            is_linked_to_suspect(Person.id),
        )
        .join(Person, Person.id == Referral.person_id)
        .outerjoin(SafeContactPlan, is_plan_in_force(Person.id))
        .where(Referral.id == referral_id, Person.erased_at.is_(None))
    ).first()
    if row is None:
        return ()
    referral, person, plan, last_marac, never_contact = row
    key = encrypted_rows.open_key(session, person.key_id)
    opened = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    details = encrypted_rows.unseal_row(key, "referral", referral.id, referral.sealed)
    contact = contact_facts_of(opened, plan, key)
    age = age_of(opened, times.london_date(at)) if person.kind == "person" else None
    return compose_alerts(
        referral,
        contact,
        details,
        age=age,
        safe_channels=channels_safe_at(contact, at),
        marac=describe_marac(last_marac, referral, times.london_date(at)),
        never_contact=never_contact,
    )


def is_linked_to_suspect(person_id: InstrumentedAttribute[UUID]) -> ColumnElement[bool]:
    """For a statement: the person in this column is linked to another as a suspect, or as one a suspect harms.

    Whichever of their records the link was recorded on.
    """
    current = PersonLink.ended_at.is_(None), PersonLink.role.in_(NEVER_CONTACT_ROLES)
    sides = (PersonLink.person_id, PersonLink.other_person_id)
    return or_(
        *(
            exists().where(is_record_of(side, person_id, of_row=Person), *current).correlate(Person)
            for side in sides
        )
    )


def contact_facts_of(person: Mapping[str, Any], plan: SafeContactPlan | None, key: bytes) -> SafeContactFacts:
    """What decides whether contact is safe: no one may be contacted after their death, whatever was said before."""
    if plan is None:
        document, said, checked_at = {}, SafeAnswer.UNKNOWN, None
    else:
        document = encrypted_rows.unseal_row(key, "safe_contact_plan", plan.id, plan.sealed)
        said, checked_at = plan.safe, plan.checked_at
    has_died = ContactStop.PERSON_DIED in contact_stops(person, {})
    return SafeContactFacts(SafeAnswer.NO if has_died else said, document, person, checked_at)


def channels_safe_at(contact: SafeContactFacts, at: datetime) -> tuple[Channel, ...]:
    """The channels that may be used at a moment, by the area's days between two checks."""
    return tuple(contact.offered_channels(at, current_settings().area.thresholds.safe_contact_recheck_days))


def compose_alerts(
    referral: Referral,
    contact: SafeContactFacts,
    details: Mapping[str, Any],
    *,
    age: int | None,
    safe_channels: tuple[Channel, ...],
    marac: str | None = None,
    never_contact: bool = False,
) -> tuple[PersonAlert, ...]:
    """The alerts of a referral whose person and details (its own document) are opened."""
    stops = contact_stops(contact.person, details)
    return list_alerts(
        AlertFacts(
            safe=contact.safe,
            has_safe_channel=bool(safe_channels),
            never_contact=never_contact,
            risk=referral.risk,
            officer_grade=details.get("risk_assessment"),
            marac=marac,
            domestic_abuse=Harm.DOMESTIC_ABUSE in referral.harms,
            hate_strand=referral.hate_strand,
            is_child=age is not None and age < ADULT_AGE,
            age=age,
            interpreter_needed=referral.interpreter_needed,
            language=contact.person.get("language"),
            restricted=referral.restricted,
            deceased=ContactStop.PERSON_DIED in stops,
            withdrawn=ContactStop.WITHDRAWN_BY_FORCE in stops,
            held=referral.state is ReferralState.HELD,
        )
    )
