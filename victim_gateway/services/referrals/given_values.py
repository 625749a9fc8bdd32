"""Values of the feed that could not be read: kept as given until a caseworker has used or dismissed each.

They stand in the referral's document under `as_given`. A task that shows them asks for nothing more once
its last column is settled.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from victim_gateway.database import encrypted_rows
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import Task
from victim_gateway.rules.recorded_fields import PROTECTIVE_FIELDS
from victim_gateway.services.shared import contact_consents, referral_holds
from victim_gateway.services.shared.case_action import EventDetails, ReferralAction, referral_action
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import TaskKind

AS_GIVEN = "as_given"
SETTLED_ALREADY = "This was settled after you opened the page. Nothing was changed."


def settle_given_values(action: ReferralAction, columns: Collection[str]) -> list[str]:
    """Take these columns out of the values kept as given and of the tasks that ask about them.

    Gives the columns that were kept as given. Part of an action that says what was decided about them.
    """
    document = _opened(action)
    given: dict[str, Any] = document.get(AS_GIVEN) or {}
    settled = sorted(given.keys() & set(columns))
    if settled:
        left = {column: text for column, text in given.items() if column not in settled}
        document = {name: value for name, value in document.items() if name != AS_GIVEN}
        if left:
            document[AS_GIVEN] = left
        referral = action.referral
        referral.sealed = encrypted_rows.seal_row(action.key, "referral", referral.id, document)
    settle_conflicts(action, columns)
    return settled


def settle_conflicts(action: ReferralAction, columns: Collection[str]) -> list[str]:
    """Take these columns out of the open tasks about the feed; a task without columns left is done.

    Gives the columns that a task asked about.
    """
    asked: set[str] = set()
    for task in _conflict_tasks(action):
        fields: list[str] = task.details.get("fields") or []
        left = [name for name in fields if name not in columns]
        if len(left) == len(fields):
            continue
        asked |= set(fields) - set(left)
        changed = update(Task).where(Task.id == task.id).values(details={**task.details, "fields": left})
        action.session.execute(changed)
        if not left:
            action.finish_task(task.id)
    return sorted(asked)


def unread_columns(action: ReferralAction) -> frozenset[str]:
    """The columns of the referral that could not be read and are not settled yet."""
    return frozenset(_opened(action).get(AS_GIVEN) or {})


def unread_protective_columns(action: ReferralAction) -> frozenset[str]:
    """The protective answers among them."""
    return unread_columns(action) & PROTECTIVE_FIELDS


def conflicting_columns(action: ReferralAction) -> frozenset[str]:
    """The columns that open tasks about the feed ask about."""
    return frozenset(name for task in _conflict_tasks(action) for name in task.details.get("fields") or ())


def dismiss_given_value(command: Command, referral_id: UUID, column: str, *, reason: str) -> None:
    """Leave empty what could not be read: what is recorded stays, and the value as given goes.

    Raises InvalidInput without a reason, and TransitionNotAllowed when it was settled meanwhile.
    """
    _require_reason(reason)
    with referral_action(command, referral_id) as action:
        if not settle_given_values(action, [column]):
            raise TransitionNotAllowed(SETTLED_ALREADY)
        agreed = contact_consents.contact_consent(action.session, action.referral.person_id)
        referral_holds.reevaluate_hold(action, {column}, agreed=agreed)
        details = EventDetails(text=reason, codes={"left_empty": [column]})
        action.add_timeline_entry("referral.value_left_empty", details)
        action.record_audit("referral.value_left_empty", fields=[column])


def keep_recorded_value(command: Command, referral_id: UUID, column: str, *, reason: str | None) -> None:
    """Keep what is recorded although the force now says something else.

    Raises TransitionNotAllowed when no task asks about the column any more.
    """
    with referral_action(command, referral_id) as action:
        if not settle_conflicts(action, [column]):
            raise TransitionNotAllowed(SETTLED_ALREADY)
        details = EventDetails(text=reason or None, codes={"kept": [column]})
        action.add_timeline_entry("referral.value_kept", details)
        action.record_audit("referral.value_kept", fields=[column])


def _require_reason(reason: str) -> None:
    if not reason.strip():
        message = "Enter why it is left empty"
        raise InvalidInput(message, fields={"reason": message})


def _conflict_tasks(action: ReferralAction) -> Sequence[Task]:
    open_tasks = select(Task).where(
        Task.referral_id == action.referral.id,
        Task.kind == TaskKind.FEED_CONFLICT,
        Task.done_at.is_(None),
    )
    return action.session.scalars(open_tasks.order_by(Task.id)).all()


def _opened(action: ReferralAction) -> dict[str, Any]:
    referral = action.referral
    document: dict[str, Any] = encrypted_rows.unseal_row(action.key, "referral", referral.id, referral.sealed)
    return document
