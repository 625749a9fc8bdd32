"""Apply and record what changed in referrals that the force sends again with other values.

What a caseworker has since corrected is never overwritten, and one person never becomes another: a task for a
caseworker is opened instead. What is stored is read with a fixed number of queries, then compared row by row,
then written with a fixed number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.crypto import fold_text
from victim_gateway.database import bulk_insert, encrypted_rows
from victim_gateway.database.current import current_blind_index
from victim_gateway.feeds.problems import RejectedRow
from victim_gateway.models import Referral
from victim_gateway.rules.hold import (
    HoldFacts,
    in_order_of_harm,
    reasons_after_answers,
    reasons_to_hold,
)
from victim_gateway.rules.marac import is_marac_question
from victim_gateway.rules.risk_rules import keep_high_grade
from victim_gateway.rules.transitions import REFERRAL_TRANSITIONS
from victim_gateway.services.imports import changed_facts, consent_refusals, marac_questions, risen_grades
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.conflicts import (
    open_reference_conflicts,
    reference_conflict_row,
)
from victim_gateway.services.imports.imported_person import ImportedPerson
from victim_gateway.services.imports.new_adults import hand_over_new_adults
from victim_gateway.services.imports.people_loader import PeopleLoader
from victim_gateway.services.imports.prepared_row import PreparedRow
from victim_gateway.services.imports.row_comparison import (
    OTHER_CRIME,
    OTHER_PERSON,
    ComparedRow,
    compare_row,
    reject_row,
)
from victim_gateway.services.imports.row_mapping import referral_document
from victim_gateway.services.imports.touched_referrals import referrals_at_stake
from victim_gateway.services.imports.update_records import ReferralUpdate, write_updates
from victim_gateway.services.people.person_hashes import PERSON_FIELDS
from victim_gateway.services.shared import referral_holds
from victim_gateway.services.shared.referral_holds import AS_GIVEN, HOLD_COLUMNS
from victim_gateway.times import london_date
from victim_gateway.vocabulary import (
    PROTECTIVE_COLUMNS,
    HeldReason,
    ReferralState,
)

# Columns of the feed whose field in the record has another name.
FIELD_OF_COLUMN = {"consent_to_referral": "police_consent", "outcome": "police_outcome"}


# What stops work that is under way, with the column of the feed that says it.
STOPPING_COLUMNS = {
    HeldReason.CONSENT_REFUSED: "consent_to_referral",
    HeldReason.PERSON_DIED: "deceased",
    HeldReason.WITHDRAWN_BY_FORCE: "withdrawn",
}
STOPPING_REASONS = frozenset(STOPPING_COLUMNS)

# The columns about the victim: not applied where a row names another victim.
_OF_THE_VICTIM = frozenset(
    {
        *PERSON_FIELDS,
        "victim_reference",
        "preferred_contact",
        "safe_to_contact",
        "safe_contact_note",
        "consent_to_referral",
    }
)


@dataclass
class AppliedUpdates:
    """What came of a group of rows about stored referrals; `touched` are the referrals to bring up to date."""

    touched: set[UUID] = field(default_factory=set)
    updated: int = 0
    unchanged: int = 0
    held: int = 0
    rejected: list[RejectedRow] = field(default_factory=list)


def lock_referrals_of_rows(session: Session, incoming: Sequence[PreparedRow]) -> dict[str, Referral]:
    """The referrals of these rows by feed reference, locked until the end of the transaction.

    With the other open ones of the same people: all in one order, and before any person is locked.
    """
    references = {item.row.feed_reference for item in incoming}
    if not references:
        return {}
    updated = session.scalars(
        select(Referral.id).where(bulk_insert.column_in(Referral.feed_reference, references))
    ).all()
    at_stake = referrals_at_stake(session, incoming)
    found = session.scalars(
        select(Referral)
        .where(bulk_insert.column_in(Referral.id, {*updated, *at_stake}))
        .order_by(Referral.id)
        .with_for_update(key_share=True)
    )
    return {referral.feed_reference: referral for referral in found if referral.feed_reference in references}


def apply_updates(session: Session, batch: RunningBatch, incoming: Sequence[PreparedRow]) -> AppliedUpdates:
    """Apply what these rows change; the caller brings up to date what is derived of the referrals touched."""
    referrals = lock_referrals_of_rows(session, incoming)
    applied = AppliedUpdates()
    for this_round in _rounds(incoming, referrals):
        people, updates = _compare(session, batch, this_round, referrals, applied)
        write_updates(session, batch, updates)
        risen_grades.heed_risen_grades(session, batch, updates)
        marac_questions.ask_about_marac(session, batch, updates)
        applied.updated += len(updates)
        applied.held += sum(
            change.referral.state is ReferralState.HELD is not change.state_before for change in updates
        )
        applied.touched |= {change.referral.id for change in updates}
        applied.touched |= consent_refusals.hold_refused_referrals(session, batch, people)
        hand_over_new_adults(session, batch, people)
    return applied


def _rounds(
    incoming: Sequence[PreparedRow], referrals: Mapping[str, Referral]
) -> Iterator[list[PreparedRow]]:
    """The rows in order, no referral twice in a round: what the second changes stands on what the first wrote.

    A person who has a row in a later round has all their later rows there too, in the order of the file.
    """
    waiting = list(incoming)
    while waiting:
        this_round: dict[str, PreparedRow] = {}
        later: list[PreparedRow] = []
        postponed: set[UUID] = set()
        for item in waiting:
            reference = item.row.feed_reference
            person_id = referrals[reference].person_id
            if reference in this_round or person_id in postponed:
                postponed.add(person_id)
                later.append(item)
            else:
                this_round[reference] = item
        yield list(this_round.values())
        waiting = later


def _compare(
    session: Session,
    batch: RunningBatch,
    incoming: Sequence[PreparedRow],
    referrals: dict[str, Referral],
    applied: AppliedUpdates,
) -> tuple[list[ImportedPerson], list[ReferralUpdate]]:
    """Change the referrals and people in memory; people and consents are written, as both are set-wise."""
    this_round = [(item, referrals[item.row.feed_reference]) for item in incoming]
    index = current_blind_index(session)
    people = PeopleLoader(session, index, batch)
    people.load(hashes=set(), ids={referral.person_id for _, referral in this_round})
    before = changed_facts.load_stored_referrals(
        session,
        {referral.id: people.by_id(referral.person_id).key for _, referral in this_round},
        [item.row.feed_reference for item in incoming],
        put_back_file=batch.sha256 if batch.put_back else None,
    )
    updates: list[ReferralUpdate] = []
    for item, referral in this_round:
        person, stored = people.by_id(referral.person_id), before[referral.id]
        compared = _compare_row(session, batch, item, referral, person, stored)
        if isinstance(compared, RejectedRow):
            applied.rejected.append(compared)
        elif not compared.changes.changed:
            applied.unchanged += 1
        else:
            updates.append(_apply_row(batch, item, referral, person, stored, compared))
    people.save()
    people.save_consents()
    session.flush()
    return people.all_people(), updates


def _compare_row(
    session: Session,
    batch: RunningBatch,
    item: PreparedRow,
    referral: Referral,
    person: ImportedPerson,
    before: changed_facts.StoredReferral,
) -> ComparedRow | RejectedRow:
    """Compare a row with what is stored; rejected where it is about another person, or another crime.

    A row about another person changes nothing: their names and numbers would become those of a stranger.
    """
    if person.is_contradicted_by(item.new_person):
        open_reference_conflicts(session, [reference_conflict_row(batch, referral.id, item)])
        return reject_row(item, OTHER_PERSON)
    stated = before.statements
    number, known_number = item.row.crime_number, stated.cells.get("crime_number", "").strip()
    is_of_this_file = stated.batch_number == batch.number
    if is_of_this_file and number and known_number and fold_text(number) != fold_text(known_number):
        return reject_row(item, OTHER_CRIME)
    return compare_row(batch, current_blind_index(session), item, before)


def _apply_row(
    batch: RunningBatch,
    item: PreparedRow,
    referral: Referral,
    person: ImportedPerson,
    before: changed_facts.StoredReferral,
    compared: ComparedRow,
) -> ReferralUpdate:
    state_before, applied_columns = referral.state, compared.changes.applied
    reasons_before, grade_before = referral.standing_reasons, referral.officer_grade
    was_marac_question = is_marac_question(referral.risk, referral.harms)
    skipped_columns = frozenset(
        name
        for name in applied_columns
        if FIELD_OF_COLUMN.get(name, name) in referral.corrected_fields or name in person.corrected_fields
    )
    is_about_them = not person.is_other_victim_than(compared.effective_reference_hash)
    if not is_about_them or referral.state is ReferralState.ENTERED_IN_ERROR:
        skipped_columns |= applied_columns & _OF_THE_VICTIM
        is_about_them = False
    document = _apply_columns(referral, person, compared, keep=skipped_columns)
    answers, must_ask = len(person.new_consents), False
    if is_about_them:
        # A death that a caseworker has found to be wrong stops nothing when the force repeats it.
        said = applied_columns - (skipped_columns & {"deceased"})
        person.apply_row(compared.effective.row, batch, referral.id, changed=said)
        must_ask = person.must_ask
    refused = any(not consent["agreed"] for consent in person.new_consents[answers:])
    facts = referral_holds.hold_facts(
        {name: getattr(referral, name) for name in HOLD_COLUMNS},
        person.document,
        document,
        agreed=person.consent,
        on=london_date(batch.imported_at),
    )
    # A cell that is blank or could not be read answers nothing, whatever it changed.
    answered = {
        name
        for name in applied_columns - skipped_columns
        if getattr(compared.effective.row, name, None) is not None
    }
    conflict_columns = (
        skipped_columns | compared.changes.kept | _decide_hold(referral, facts, answered, refused=refused)
    )
    return ReferralUpdate(
        item,
        referral,
        person,
        before,
        compared,
        skipped_columns,
        conflict_columns,
        must_ask,
        state_before,
        reasons_before,
        grade_before,
        was_marac_question,
    )


def _apply_columns(
    referral: Referral, person: ImportedPerson, compared: ComparedRow, *, keep: Collection[str]
) -> dict[str, Any]:
    """Write what the row says of the referral; gives its document as it is then."""
    effective, grade_before = compared.effective, referral.officer_grade
    kept_fields = {FIELD_OF_COLUMN.get(name, name) for name in keep} | set(referral.corrected_fields)
    for name, value in effective.columns.items():
        # The parts are of the crime number that stands, which may be a caseworker's.
        field = "crime_number" if name == "search_parts" else name.removesuffix("_hash")
        if field not in kept_fields:
            setattr(referral, name, value)
    document = encrypted_rows.unseal_row(person.key, "referral", referral.id, referral.sealed)
    fresh = referral_document(effective.row, effective.kept_as_given)
    merged = {name: value for name, value in document.items() if name in kept_fields} | {
        name: value for name, value in fresh.items() if name not in kept_fields
    }
    if AS_GIVEN in merged:
        merged[AS_GIVEN] = _given_still(document, merged, compared, kept_fields)
    said = {
        name
        for name in compared.changes.applied & PROTECTIVE_COLUMNS
        if getattr(effective.row, name, None) is not None
    }
    merged = referral_holds.keep_unread_answers(document, merged, said)
    referral.sealed = encrypted_rows.seal_row(person.key, "referral", referral.id, merged)
    # As the document says, where a caseworker's correction stands against the feed.
    referral.officer_grade = merged.get("risk_assessment")
    referral.risk = keep_high_grade(referral.risk, grade_before, referral.officer_grade)
    referral.version += 1
    return merged


def _given_still(
    before: Mapping[str, Any], after: Mapping[str, Any], compared: ComparedRow, kept_fields: Collection[str]
) -> dict[str, str]:
    """What of the unreadable texts is to be shown: not again what a person settled and the force only repeats."""
    known: Mapping[str, str] = before.get(AS_GIVEN) or {}
    given: Mapping[str, str] = after.get(AS_GIVEN) or {}
    return {
        column: text
        for column, text in given.items()
        if FIELD_OF_COLUMN.get(column, column) not in kept_fields
        and (column in known or column in compared.changes.changed)
    }


def _decide_hold(
    referral: Referral, facts: HoldFacts, answered: Collection[str], *, refused: bool
) -> frozenset[str]:
    """Hold or release the referral by what the row said; gives the columns that a caseworker must decide about.

    Unassigned: the values decide whether it is held, and a hold ends only by what it waited for. Assigned: only
    what stops all contact, a new refusal, a death or the force taking it back, stops the work.
    """
    if (
        referral.state not in (ReferralState.RECEIVED, ReferralState.HELD)
        or referral.assigned_to_id is not None
    ):
        stopping = STOPPING_REASONS & set(reasons_to_hold(facts)) - set(referral.standing_reasons)
        if not refused:
            stopping -= {HeldReason.CONSENT_REFUSED}
        return _stop_work(referral, stopping)
    wanted = reasons_after_answers(referral.standing_reasons, facts, answered)
    state = ReferralState.HELD if wanted else ReferralState.RECEIVED
    if state is not referral.state:
        referral.move_to(state)
    referral.set_held_reasons(wanted)
    return frozenset()


def _stop_work(referral: Referral, reasons: Collection[HeldReason]) -> frozenset[str]:
    if not reasons or referral.state in (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR):
        return frozenset()
    if ReferralState.HELD in REFERRAL_TRANSITIONS[referral.state]:
        referral.move_to(ReferralState.HELD)
    if referral.state is ReferralState.HELD:
        referral.set_held_reasons(in_order_of_harm({*referral.standing_reasons, *reasons}))
    return frozenset(STOPPING_COLUMNS[reason] for reason in reasons)
