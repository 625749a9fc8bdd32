"""Bring up to date what is derived of the referrals that a chunk of an import has touched."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, func, or_, select
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.database.session_limits import set_local
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.models import CaseEvent, Person, PersonLink, Referral
from victim_gateway.queries.people.merged_records import group_records, merges_of_records, records_of_people
from victim_gateway.rules.person_links import NEVER_CONTACT_ROLES
from victim_gateway.rules.transitions import OVER_STATES
from victim_gateway.services.compliance import stored_clocks
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.prepared_row import PreparedRow
from victim_gateway.services.shared import next_action


def referrals_at_stake(session: Session, incoming: Collection[PreparedRow]) -> set[UUID]:
    """The open referrals of everyone in these rows: to be locked with those that are updated.

    A row may refuse consent for all of them or make contact unsafe on all of them. Their people are locked anyway.
    Of people with several records, all referrals of each record: a plan that is spread locks those. Likewise of those
    whom a link keeps apart from them: a new number of the one is no way to the other.
    """
    hashes = {item.new_person.victim_reference_hash for item in incoming} - {None}
    named = select(Person.id).where(bulk_insert.column_in(Person.victim_reference_hash, hashes))
    updated = select(Referral.person_id).where(
        bulk_insert.column_in(Referral.feed_reference, {item.row.feed_reference for item in incoming})
    )
    theirs = named.union(updated)
    at_stake = Referral.person_id.in_(theirs) & Referral.state.not_in(OVER_STATES)
    merged = group_records(merges_of_records(session, theirs))
    linked = _kept_apart(session, theirs, merged)
    if merged or linked:
        at_stake |= bulk_insert.column_in(Referral.person_id, {*merged, *linked})
    return set(session.scalars(select(Referral.id).where(at_stake)))


def _kept_apart(session: Session, theirs: CompoundSelect[Any], merged: Collection[UUID]) -> frozenset[UUID]:
    """Every record of those who are linked with these people as a suspect, or harmed by one of them."""
    ends = (PersonLink.person_id, PersonLink.other_person_id)
    is_theirs: list[ColumnElement[bool]] = [end.in_(theirs) for end in ends]
    if merged:
        is_theirs += [bulk_insert.column_in(end, merged) for end in ends]
    links = session.execute(
        select(*ends).where(
            or_(*is_theirs), PersonLink.role.in_(NEVER_CONTACT_ROLES), PersonLink.ended_at.is_(None)
        )
    ).all()
    return frozenset[UUID]().union(
        *records_of_people(session, {end for link in links for end in link}).values()
    )


def refresh_touched_referrals(session: Session, batch: RunningBatch, referral_ids: Collection[UUID]) -> None:
    """Refresh clocks, then next actions, as at the present.

    The moment is taken once the referrals are locked: a caseworker may have saved since the import began, or while
    this chunk waited for them, and a clock computed as at an earlier moment would not see what they saved.
    """
    touched = sorted(referral_ids)
    if not touched:
        return
    stored_clocks.lock_referral_rows(session, touched)
    at = max(batch.moment(), _last_learned(session, touched))
    # The planner expects a handful of rows from what the transaction has only just written, and would join
    # thousands of events row by row.
    set_local(session, "enable_nestloop", "off")
    # What a chunk derives fits in this; with less, each step of the statement goes through a file.
    set_local(session, "work_mem", "64MB")
    stored_clocks.refresh_clocks(session, touched, at=at)
    set_local(session, "enable_nestloop", "on")
    next_action.refresh_next_actions(session, [*touched, *_other_open_referrals(session, touched)], at=at)


def _other_open_referrals(session: Session, touched: Sequence[UUID]) -> list[UUID]:
    """The other open referrals of the same people: the safe-contact plan and its check are the person's."""
    other = named_alias(Referral, "other")
    found = session.scalars(
        select(other.id)
        .join(Referral, Referral.person_id == other.person_id)
        .where(bulk_insert.column_in(Referral.id, touched), other.state.not_in(OVER_STATES))
        .distinct()
    )
    return sorted(set(found) - set(touched))


def _last_learned(session: Session, referral_ids: Sequence[UUID]) -> datetime:
    """When something was last learned of these referrals: by a machine whose clock is ahead of this one's, too."""
    moment = session.execute(
        select(func.max(CaseEvent.recorded_at)).where(
            bulk_insert.column_in(CaseEvent.referral_id, referral_ids)
        )
    ).scalar_one()
    return moment or datetime.min.replace(tzinfo=UTC)
