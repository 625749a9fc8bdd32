"""Write what rows of a feed changed in stored referrals, each table with one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert, encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.models import CaseEvent, CaseFacts, ImportRow, Referral, Task
from victim_gateway.services.imports import changed_facts
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.conflicts import (
    conflict_row,
    open_conflicts,
)
from victim_gateway.services.imports.imported_person import ImportedPerson
from victim_gateway.services.imports.prepared_row import PreparedRow, used_row_values
from victim_gateway.services.imports.row_comparison import (
    ComparedRow,
)
from victim_gateway.services.imports.row_mapping import ImportedEvent, case_event_values
from victim_gateway.services.shared import referral_holds
from victim_gateway.services.shared.tasks import new_task_values, safe_contact_check_key
from victim_gateway.vocabulary import (
    EventKind,
    HeldReason,
    ReferralState,
    RowOutcome,
    TaskKind,
)


@dataclass
class ReferralUpdate:
    """A row about a referral that is stored already; `skipped_columns` are changed ones that must not be applied."""

    item: PreparedRow
    referral: Referral
    person: ImportedPerson
    before: changed_facts.StoredReferral
    compared: ComparedRow
    skipped_columns: frozenset[str]
    conflict_columns: frozenset[str]
    must_ask: bool
    state_before: ReferralState
    reasons_before: tuple[HeldReason, ...]
    grade_before: str | None
    was_marac_question: bool

    @property
    def changed(self) -> frozenset[str]:
        return self.compared.changes.changed

    @property
    def applied_columns(self) -> frozenset[str]:
        return self.compared.changes.applied - self.skipped_columns


def write_updates(session: Session, batch: RunningBatch, updates: Sequence[ReferralUpdate]) -> None:
    """Write facts, events, import rows, tasks and audit entries of these changes."""
    observers = current_settings().area.observers
    facts: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for change in updates:
        referral_id = change.referral.id
        old, effective = change.compared.facts_before, change.compared.effective
        row = changed_facts.changed_facts_row(
            effective,
            referral_id,
            change.before,
            old,
            applied_columns=change.applied_columns,
            observers=observers,
            corrected_birth_date=_corrected_birth_date(change.person),
        )
        if row is not None:
            facts.append(row)
        if change.referral.state is not ReferralState.ENTERED_IN_ERROR:
            # Its clocks have ended for good: an event would open them again.
            events += changed_facts.changed_event_rows(batch, effective, referral_id, change.before, old)
        events.append(_timeline_row(batch, change))
    bulk_insert.insert_rows(session, CaseFacts, facts, with_new_ids=True)
    bulk_insert.insert_rows(
        session, CaseEvent, events, with_new_ids=True, on_conflict="ON CONFLICT DO NOTHING"
    )
    bulk_insert.insert_rows(
        session,
        ImportRow,
        [
            used_row_values(
                batch,
                change.item,
                RowOutcome.UPDATED,
                referral_id=change.referral.id,
                key_id=change.person.key_id,
                sealed=encrypted_rows.seal_row(
                    change.person.key,
                    "import_row",
                    change.referral.id,
                    change.compared.changes.statements.document(),
                ),
                changed_fields=change.changed,
            )
            for change in updates
        ],
    )
    open_conflicts(
        session,
        [
            conflict_row(batch, change.referral.id, change.conflict_columns)
            for change in updates
            if change.conflict_columns
        ],
    )
    checks = [_safe_contact_check(batch, change) for change in updates if change.must_ask]
    holds = [
        referral_holds.hold_task_values(change.referral.id, reasons, at=batch.imported_at)
        for change in updates
        if (reasons := change.referral.standing_reasons) and reasons != change.reasons_before
    ]
    for rows in (checks, holds):
        bulk_insert.insert_rows(session, Task, rows, on_conflict="ON CONFLICT DO NOTHING")
    ended = [
        change.referral.id for change in updates if change.reasons_before and not change.referral.held_reason
    ]
    referral_holds.finish_hold_tasks(session, ended, at=batch.imported_at)
    for change in updates:
        record_audit(
            session,
            "referral.updated_by_feed",
            subject_type="referral",
            subject_id=change.referral.id,
            person_id=change.person.id,
            batch=batch.number,
            row=change.item.row.number,
            fields=sorted(change.changed),
        )


def _timeline_row(batch: RunningBatch, change: ReferralUpdate) -> dict[str, Any]:
    not_applied = change.skipped_columns | change.compared.changes.kept
    details = {"fields": sorted(change.applied_columns), "not_applied": sorted(not_applied)}
    moved = change.referral.state is not change.state_before
    event = ImportedEvent(
        change.referral.id,
        "referral.updated_by_feed",
        EventKind.STORY,
        occurred_at=batch.imported_at,
        recorded_at=batch.imported_at,
        row_number=change.item.row.number,
        details=details,
        repeat_number=0,
        from_state=change.state_before if moved else None,
        to_state=change.referral.state if moved else None,
        reason_code=change.referral.held_reason if moved else None,
    )
    return case_event_values(batch, event)


def _corrected_birth_date(person: ImportedPerson) -> date | None:
    """The date of birth where a caseworker has corrected it: ages are computed from that one."""
    born = person.document.get("date_of_birth") if "date_of_birth" in person.corrected_fields else None
    return date.fromisoformat(born) if born else None


def _safe_contact_check(batch: RunningBatch, change: ReferralUpdate) -> dict[str, Any]:
    return new_task_values(
        TaskKind.SAFE_CONTACT_CHECK,
        change.referral.id,
        safe_contact_check_key(change.person.id),
        at=batch.imported_at,
    )
