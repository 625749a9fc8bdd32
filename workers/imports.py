"""The task that imports an uploaded file."""

from __future__ import annotations

from uuid import UUID

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.extensions import celery
from victim_gateway.services.imports import uploads
from victim_gateway.vocabulary import TaskName


# An import may last longer than other tasks. It renews its lease chunk by chunk, and when a time limit ends
# it, the next worker continues the batch where this one stopped.
@celery.task(name=TaskName.RUN_IMPORT, soft_time_limit=780, time_limit=840)  # type: ignore[untyped-decorator]
def run_import(*, batch_id: str) -> None:
    """Import the file of one batch, or continue it."""
    uploads.run_uploaded_batch(UUID(batch_id), actor=Actor.worker("imports"), at=times.now())
