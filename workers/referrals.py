"""The nightly task of the referrals: drafts that nobody has gone on with are deleted."""

from __future__ import annotations

import structlog

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.extensions import celery
from victim_gateway.services.shared import drafts
from victim_gateway.vocabulary import TaskName

log = structlog.get_logger()


@celery.task(name=TaskName.PURGE_DRAFTS)  # type: ignore[untyped-decorator]
def purge_drafts() -> None:
    """Delete the drafts that are too old; run again it finds none."""
    count = drafts.purge_drafts(actor=Actor.worker("draft purge"), at=times.now())
    if count:
        log.info("drafts.purged", count=count)
