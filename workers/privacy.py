"""The tasks of the audit: the seal of its lanes each minute, and the nightly check."""

from __future__ import annotations

import time

import structlog

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.current import current_keyring
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import transaction
from victim_gateway.extensions import celery
from victim_gateway.services.privacy import audit_seals, audit_verification
from victim_gateway.vocabulary import TaskName

log = structlog.get_logger()

# Well within the time limit of a task: what is left is another task's.
VERIFIED_AT_ONCE_S = 150.0


@celery.task(name=TaskName.SEAL_AUDIT)  # type: ignore[untyped-decorator]
def seal_audit() -> None:
    """Seal the lanes of the audit where several have gone on."""
    if audit_seals.seal_audit_lanes(actor=Actor.worker("audit seal"), at=times.now()):
        log.info("audit.lanes_sealed")


@celery.task(name=TaskName.VERIFY_AUDIT)  # type: ignore[untyped-decorator]
def verify_audit() -> None:
    """Verify what is new, once a week everything, and log an alarm if it is broken; go on in another task."""
    actor, now, ends = Actor.worker("nightly audit check"), times.now(), time.monotonic() + VERIFIED_AT_ONCE_S
    done = audit_verification.continue_verification(
        audit_verification.Verifier(
            actor, current_keyring(), now, should_stop=lambda: time.monotonic() > ends
        )
    )
    if done.broken is not None:
        log.error(
            "audit.broken",
            entries=done.entries,
            broken_at=done.broken.sequence,
            problem=done.broken.problem,
        )
    elif done.is_finished:
        log.info("audit.whole", entries=done.entries)
    else:
        log.info("audit.verified_in_part", entries=done.entries)
        with transaction(actor) as session:
            enqueue_task(session, TaskName.VERIFY_AUDIT, now)
