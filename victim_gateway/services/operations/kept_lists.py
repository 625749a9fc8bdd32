"""Keeping a list: adding an entry, wording it anew, moving it, retiring it and taking that back.

Nothing is ever deleted, and a code never gets another meaning: old records go on saying what they said. The first
change of a list that ships with the service writes all its entries down, so that they have an order to be moved in.
Changes come one after another, so that the newest stamp is always that of the last one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from victim_gateway.database.advisory_locks import AdvisoryLock, lock_until_commit
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotFound, StaleVersion, TransitionNotAllowed
from victim_gateway.models import ListEntry, ListEntryChange
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.decline_consequences import DeclineRule, read_decline_rule, write_decline_rule
from victim_gateway.rules.duplicate_weights import (
    find_weight_mistakes,
    lay_weights_over,
    weights_of_entry,
    write_weights,
)
from victim_gateway.rules.kept_lists import (
    DECLINE_CONSEQUENCES,
    DUPLICATE_WEIGHTS,
    KEPT_LISTS,
    LONGEST_BODY,
    LONGEST_LABEL,
    KeptList,
    code_of_label,
    fold_label,
    is_wording_taken,
)
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import DeclineReason

_KEPT = ("label", "body", "position", "retired_at")


def add_list_entry(
    command: Command,
    list_key: str,
    *,
    label: str,
    body: str | None = None,
    stands_for: str | None = None,
    protects_enough: bool = False,
) -> UUID:
    """Add an entry at the end of a list.

    Raises NotFound for a list that is not kept, and InvalidInput without a label, for one that an entry has or had
    before, where the text is missing or too long, where the list takes no entries, where it does not say which code
    the rules are to read for it, and where that one protects nobody and `protects_enough` does not say that it may.
    """
    kept = _kept_list(list_key)
    label, body = _checked(kept, label, body)
    stands_for = _checked_code(kept, stands_for, protects_enough)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        _lock_and_write_down(session, command, kept)
        _refuse_taken_wording(session, kept, label, own_code=None)
        last = session.scalar(select(func.max(ListEntry.position)).where(ListEntry.list_key == list_key))
        entry_id = session.execute(
            upsert(ListEntry)
            .values(
                id=new_row_id(),
                list_key=list_key,
                code=code_of_label(label),
                label=label,
                body=body,
                position=(last or 0) + 1,
                created_at=command.at,
                version=1,
                stands_for=stands_for,
            )
            .on_conflict_do_nothing(index_elements=[ListEntry.list_key, ListEntry.code])
            .returning(ListEntry.id)
        ).scalar_one_or_none()
        if entry_id is None:
            taken = "An entry had this name before. Bring that one back, or choose another name"
            raise InvalidInput(taken, fields={"label": taken})
        _record(session, command, session.get_one(ListEntry, entry_id), "added", {})
    return entry_id


def reword_list_entry(command: Command, list_key: str, code: str, *, label: str, body: str | None) -> None:
    """Word an entry anew; its code stays. Raises InvalidInput as adding does, NotFound and StaleVersion."""
    kept = _kept_list(list_key)
    if kept.fixed:
        raise TransitionNotAllowed("Nothing but the numbers of this entry can be changed.")
    label, body = _checked(kept, label, body)
    with _changed_entry(command, list_key, code, "reworded") as (session, entry):
        if fold_label(label) != fold_label(entry.label):
            _refuse_taken_wording(session, kept, label, own_code=code)
        entry.label, entry.body = label, body


def change_duplicate_weights(command: Command, code: str, numbers: Mapping[str, float]) -> None:
    """Change the numbers of a field, or the sum from which a person is proposed; for new proposals only.

    Raises NotFound, StaleVersion, and InvalidInput by the name of a number where all weights together would propose
    strangers or miss the same person, as they stand at this moment.
    """
    shipped = current_settings().area.identity
    with _changed_entry(command, DUPLICATE_WEIGHTS, code, "reworded") as (session, entry):
        if set(numbers) != set(weights_of_entry(code, shipped)):
            raise NotFound
        entry.body = write_weights(numbers)
        session.flush()
        rows = session.execute(
            select(ListEntry.code, ListEntry.body).where(ListEntry.list_key == DUPLICATE_WEIGHTS)
        )
        kept = lay_weights_over(shipped, {row.code: row.body for row in rows})
        wrong = find_weight_mistakes(code, kept)
        if wrong:
            raise InvalidInput(next(iter(wrong.values())), fields=wrong)


def change_decline_rule(command: Command, code: str, rule: DeclineRule) -> None:
    """Change what follows from a reason to decline, for declines that are confirmed from then on.

    Raises NotFound, StaleVersion, and InvalidInput where the person must be asked first, or a ranked group would go on
    at once although they must.
    """
    reason = next((each for each in DeclineReason if each.value == code), None)
    if reason is None:
        raise NotFound
    written = write_decline_rule(rule)
    if read_decline_rule(reason, written) != rule:
        message = "Here the person is always asked first, so nothing else can follow, and nothing at once"
        raise InvalidInput(message, fields={"consequence": message})
    with _changed_entry(command, DECLINE_CONSEQUENCES, code, "reworded") as (_, entry):
        entry.body = written


def retire_list_entry(command: Command, list_key: str, code: str) -> None:
    """Offer an entry no longer; what was recorded with it stays.

    Raises NotFound, StaleVersion, and TransitionNotAllowed for one that protects somebody by being offered.
    """
    if not _kept_list(list_key).may_be_retired(code):
        raise TransitionNotAllowed(
            "This entry is always offered: without it, people would choose one that protects less. Word it anew."
        )
    with _changed_entry(command, list_key, code, "retired") as (_, entry):
        entry.retired_at = entry.retired_at or command.at


def restore_list_entry(command: Command, list_key: str, code: str) -> None:
    """Offer a retired entry again. Raises NotFound and StaleVersion."""
    with _changed_entry(command, list_key, code, "restored") as (_, entry):
        entry.retired_at = None


def move_list_entry_up(command: Command, list_key: str, code: str) -> None:
    """Put an entry before the one that is offered before it; the first one stays. Raises NotFound, StaleVersion."""
    with _changed_entry(command, list_key, code, "moved") as (session, entry):
        before = session.scalar(
            select(ListEntry)
            .where(
                ListEntry.list_key == list_key,
                ListEntry.retired_at.is_(None),
                ListEntry.position < entry.position,
            )
            .order_by(ListEntry.position.desc())
            .limit(1)
            .with_for_update()
        )
        if before is not None:
            entry.position, before.position = before.position, entry.position


@contextmanager
def _changed_entry(
    command: Command, list_key: str, code: str, step: str
) -> Iterator[tuple[Session, ListEntry]]:
    """One locked entry; what the block changes is written with its history and audit, or nothing is."""
    kept = _kept_list(list_key)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        _lock_and_write_down(session, command, kept)
        entry = session.scalar(
            select(ListEntry)
            .where(ListEntry.list_key == list_key, ListEntry.code == code)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if entry is None:
            raise NotFound
        if command.version is not None and command.version != entry.version:
            raise StaleVersion("Another administrator changed this entry after you opened the page.")
        before = _values(entry)
        yield session, entry
        if _values(entry) != before:
            entry.version += 1
            _record(session, command, entry, step, before)


def _lock_and_write_down(session: Session, command: Command, kept: KeptList) -> None:
    """Keep others from changing a list until the end, and store the entries that ship and are not stored yet."""
    lock_until_commit(session, AdvisoryLock.KEPT_LISTS)
    shipped = kept.shipped_entries(current_settings().area)
    if not shipped:
        return
    known = dict(
        session.execute(
            select(ListEntry.code, ListEntry.position).where(ListEntry.list_key == kept.key)
        ).all()
    )
    first = max(known.values(), default=0) + 1
    missing = [(code, label) for code, label in shipped if code not in known]
    if missing:
        session.execute(
            insert(ListEntry),
            [
                {
                    "id": new_row_id(),
                    "list_key": kept.key,
                    "code": code,
                    "label": label,
                    "position": position,
                    "created_at": command.at,
                    "version": 1,
                }
                for position, (code, label) in enumerate(missing, first)
            ],
        )


def _refuse_taken_wording(session: Session, kept: KeptList, label: str, *, own_code: str | None) -> None:
    """Two entries that read alike: a caseworker picks one, and the rules do what the other one means."""
    stored = session.execute(
        select(ListEntry.code, ListEntry.label).where(ListEntry.list_key == kept.key)
    ).all()
    others = [*stored, *kept.shipped_entries(current_settings().area)]
    if is_wording_taken(label, (text for other in others if other[0] != own_code for text in other)):
        taken = "An entry has or had this name before. Bring that one back, or choose another name"
        raise InvalidInput(taken, fields={"label": taken})


def _checked_code(kept: KeptList, stands_for: str | None, protects_enough: bool) -> str | None:
    if not kept.may_add:
        raise TransitionNotAllowed("The rules read every entry of this list, so none can be added to it.")
    if not kept.stands_for:
        return None
    if stands_for not in kept.stands_for:
        message = "Choose what the new entry stands for"
        raise InvalidInput(message, fields={"stands_for": message})
    if kept.protective and stands_for not in kept.protective and not protects_enough:
        message = "Read what the rules do for it, and say that it protects the person enough"
        raise InvalidInput(message, fields={"protects_enough": message})
    return stands_for


def _kept_list(list_key: str) -> KeptList:
    kept = KEPT_LISTS.get(list_key)
    if kept is None:
        raise NotFound
    return kept


def _checked(kept: KeptList, label: str, body: str | None) -> tuple[str, str | None]:
    label, body = " ".join(label.split()), (body or "").strip() or None
    wrong: dict[str, str] = {}
    if not code_of_label(label):
        wrong["label"] = f"Enter the {kept.label_name.lower()}, with letters or numbers in it"
    elif len(label) > LONGEST_LABEL:
        wrong["label"] = f"Shorten this to {LONGEST_LABEL} characters"
    if kept.body_label and body is None:
        wrong["body"] = f"Enter the {kept.body_label.lower()}"
    elif body and len(body) > LONGEST_BODY:
        wrong["body"] = f"Shorten this to {LONGEST_BODY:,} characters"
    if wrong:
        raise InvalidInput(next(iter(wrong.values())), fields=wrong)
    return label, body if kept.body_label else None


def _values(entry: ListEntry) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in _KEPT}
    return {**values, "retired_at": entry.retired_at.isoformat() if entry.retired_at else None}


def _record(session: Session, command: Command, entry: ListEntry, step: str, before: dict[str, Any]) -> None:
    session.flush()
    session.execute(
        insert(ListEntryChange).values(
            id=new_row_id(),
            entry_id=entry.id,
            changed_at=command.at,
            by_id=command.actor.user_id,
            by_name=command.actor.name,
            step=step,
            before=before,
            after=_values(entry),
        )
    )
    record_audit(
        session,
        f"list_entry.{step}",
        subject_type="list_entry",
        subject_id=entry.id,
        list=entry.list_key,
        code=entry.code,
    )
