"""Tasks for a caseworker where a value of a feed was not, or must not be, taken over without a decision."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.models import Task
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.imported_person import ImportedPerson
from victim_gateway.services.imports.prepared_row import PreparedRow
from victim_gateway.services.shared.tasks import new_task_values
from victim_gateway.vocabulary import TaskKind

# An open task gets the new columns and a new due date: what it asks now has not been read by anyone.
_ADD = """ON CONFLICT (dedupe_key) WHERE done_at IS NULL DO UPDATE SET due_on = excluded.due_on,
    details = jsonb_build_object('fields', (
        SELECT jsonb_agg(DISTINCT name ORDER BY name) FROM jsonb_array_elements_text(
            coalesce(task.details -> 'fields', '[]') || coalesce(excluded.details -> 'fields', '[]')
        ) AS name))"""


def conflict_row(batch: RunningBatch, referral_id: UUID, columns: Collection[str]) -> dict[str, Any]:
    """One row of `Task`: a caseworker decides about these columns of the feed."""
    return new_task_values(
        TaskKind.FEED_CONFLICT,
        referral_id,
        f"feed-conflict:{referral_id}",
        at=batch.imported_at,
        details={"fields": sorted(columns)},
    )


def open_conflicts(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Open these tasks, or add to the open ones of the same referrals."""
    merged: dict[str, dict[str, Any]] = {}
    for row in rows:
        task = merged.setdefault(row["dedupe_key"], row)
        task["details"] = {"fields": sorted({*task["details"]["fields"], *row["details"]["fields"]})}
    bulk_insert.insert_rows(session, Task, list(merged.values()), on_conflict=_ADD)


def reference_conflict_row(
    batch: RunningBatch, referral_id: UUID, item: PreparedRow, owner: ImportedPerson | None = None
) -> dict[str, Any]:
    """One row of `Task`: the force used a reference for two people, and somebody must compare them.

    `owner` is the person to whom the reference belongs, where the row's person was kept apart from them; a restricted
    person is not named, as a reader of this referral must not learn that they are known here.
    """
    named = [] if owner is None or owner.restricted else [str(owner.id)]
    return new_task_values(
        TaskKind.REFERENCE_CONFLICT,
        referral_id,
        f"reference-conflict:{referral_id}",
        at=batch.imported_at,
        details={
            "person_ids": named,
            "columns": ["victim_reference" if owner is not None else "feed_reference"],
            "batch": batch.number,
            "row": item.row.number,
        },
    )


def open_reference_conflicts(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Open these tasks; one that is open already stands."""
    bulk_insert.insert_rows(session, Task, rows, on_conflict="ON CONFLICT DO NOTHING")
