"""A file of the directory that an administrator uploads: kept while they look at what it would change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import IO
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotAllowed, NotFound, StaleVersion
from victim_gateway.models import DirectoryUpload
from victim_gateway.row_ids import new_row_id
from victim_gateway.services.providers.directory import (
    LARGEST_FILE,
    DirectoryImportSummary,
    PlannedEntry,
    import_in_transaction,
    plan_in_transaction,
    read_directory,
)
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.command import Command


def keep_directory_file(command: Command, stream: IO[bytes]) -> UUID:
    """Keep a file that can be read whole, in the place of an earlier one; nothing of it is taken over yet.

    Raises UnusableFile with what is wrong, before anything is kept.
    """
    _require(command.actor)
    content = stream.read(LARGEST_FILE + 1)
    read_directory(content)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        session.execute(delete(DirectoryUpload).where(DirectoryUpload.by_id == command.actor.user_id))
        upload_id = new_row_id()
        session.add(
            DirectoryUpload(
                id=upload_id, by_id=command.actor.user_id, uploaded_at=command.at, content=content
            )
        )
    return upload_id


def preview_directory_file(command: Command, upload_id: UUID) -> tuple[tuple[PlannedEntry, ...], str]:
    """What a kept file would change, with a digest of exactly that. Raises NotFound, UnusableFile."""
    _require(command.actor)
    with transaction(command.actor) as session:
        planned = plan_in_transaction(session, command, read_directory(_content(session, upload_id)))
    return planned, _digest(planned)


def take_over_directory_file(command: Command, upload_id: UUID, digest: str) -> DirectoryImportSummary:
    """Import a kept file as its preview showed it, whole or not at all.

    Raises NotFound, UnusableFile, and StaleVersion where it would now change something else than was shown.
    """
    _require(command.actor)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        entries = read_directory(_content(session, upload_id))
        if _digest(plan_in_transaction(session, command, entries)) != digest:
            raise StaleVersion("The directory was changed meanwhile. Look at what the file would change now.")
        summary = import_in_transaction(session, command, entries)
        session.execute(delete(DirectoryUpload).where(DirectoryUpload.id == upload_id))
    return summary


def _content(session: Session, upload_id: UUID) -> bytes:
    content = session.scalar(select(DirectoryUpload.content).where(DirectoryUpload.id == upload_id))
    if content is None:
        raise NotFound
    return content


def _digest(planned: Iterable[PlannedEntry]) -> str:
    """What a plan changes, from what to what, as one short text; the moment of the import is not part of it."""
    lines = [
        [line.entry.service_key, dict(line.before), {**line.after, "capacity_confirmed_at": ""}]
        for line in planned
        if line.after
    ]
    return hashlib.sha256(json.dumps(lines, sort_keys=True).encode()).hexdigest()


def _require(actor: Actor) -> None:
    if not is_permitted(actor.role, Permission.MANAGE_DIRECTORY):
        raise NotAllowed("Your account may not do this.")
