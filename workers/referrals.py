"""Tasks of the referrals: attached files are checked, and drafts that were not gone on with are deleted."""

from __future__ import annotations

from uuid import UUID

import structlog

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.extensions import celery
from victim_gateway.services import onward_referrals
from victim_gateway.services.referrals import attachment_checks
from victim_gateway.services.shared import drafts
from victim_gateway.vocabulary import TaskName

log = structlog.get_logger()


@celery.task(name=TaskName.PURGE_DRAFTS)  # type: ignore[untyped-decorator]
def purge_drafts() -> None:
    """Delete the drafts that are too old; run again it finds none."""
    count = drafts.purge_drafts(actor=Actor.worker("draft purge"), at=times.now())
    if count:
        log.info("drafts.purged", count=count)


@celery.task(name=TaskName.CHECK_ATTACHMENT)  # type: ignore[untyped-decorator]
def check_attachment(*, attachment_id: str) -> None:
    """Check one file; one whose scanner is away waits for the sweep."""
    attachment_checks.check_attachment(UUID(attachment_id), actor=Actor.worker("attachments"), at=times.now())


@celery.task(name=TaskName.COPY_FOR_PROVIDER)  # type: ignore[untyped-decorator]
def copy_for_provider(*, shared_file_id: str) -> None:
    """Make one copy of a file for a provider; one whose scanner is away waits for the sweep."""
    onward_referrals.make_shared_copy(UUID(shared_file_id), actor=Actor.worker("attachments"), at=times.now())
