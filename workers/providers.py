"""The task that looks at, and carries out, the succession of a provider."""

from __future__ import annotations

import time
from uuid import UUID

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import transaction
from victim_gateway.extensions import celery
from victim_gateway.services.onward_referrals import succession_batches
from victim_gateway.vocabulary import TaskName

# Well within the time limit of a task: what is left then is gone on with in a new one.
WORKS_FOR_S = 120.0


@celery.task(name=TaskName.CONTINUE_SUCCESSION)  # type: ignore[untyped-decorator]
def continue_succession(*, succession_id: str) -> None:
    """Do batches until none is left or the time is over; one that is over leaves nothing to do."""
    ends_at = time.monotonic() + WORKS_FOR_S
    while time.monotonic() < ends_at:
        if succession_batches.work_on_next_batch(UUID(succession_id), at=times.now()):
            return
    with transaction(Actor.worker("succession")) as session:
        enqueue_task(session, TaskName.CONTINUE_SUCCESSION, times.now(), succession_id=succession_id)
