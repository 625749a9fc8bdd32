"""The nightly check of the audit."""

from __future__ import annotations

import structlog

from victim_gateway.actors import Actor
from victim_gateway.audit_chain import verify
from victim_gateway.extensions import celery
from victim_gateway.queries import audit
from victim_gateway.transactions import keyring
from victim_gateway.vocabulary import TaskName

log = structlog.get_logger()


@celery.task(name=TaskName.VERIFY_AUDIT)  # type: ignore[untyped-decorator]
def verify_audit() -> None:
    """Walk the whole chain. A broken one is an alarm; a tail that was cut off shows against a checkpoint only."""
    actor = Actor.worker("nightly audit check")
    state = verify(audit.chain(actor=actor), keyring())
    audit.note_verified(state, actor=actor)
    if state.is_whole:
        log.info("audit.whole", entries=state.entries)
    else:
        log.error("audit.broken", entries=state.entries, broken_at=state.broken_at, problem=state.problem)
