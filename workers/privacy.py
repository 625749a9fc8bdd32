"""The nightly check of the audit."""

from __future__ import annotations

import structlog

from victim_gateway.actors import Actor
from victim_gateway.audit_chain import verify_chain
from victim_gateway.database.current import current_keyring
from victim_gateway.extensions import celery
from victim_gateway.queries.privacy import audit_log
from victim_gateway.vocabulary import TaskName

log = structlog.get_logger()


@celery.task(name=TaskName.VERIFY_AUDIT)  # type: ignore[untyped-decorator]
def verify_audit() -> None:
    """Verify the whole chain and log an alarm if it is broken; only a checkpoint shows a cut-off end."""
    actor = Actor.worker("nightly audit check")
    state = verify_chain(audit_log.read_audit_chain(actor=actor), current_keyring())
    audit_log.record_verification(state, actor=actor)
    if state.is_whole:
        log.info("audit.whole", entries=state.entries)
    else:
        log.error("audit.broken", entries=state.entries, broken_at=state.broken_at, problem=state.problem)
