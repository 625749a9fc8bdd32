"""The nightly rebuild of every entitlement clock and next action."""

from __future__ import annotations

import structlog

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.extensions import celery
from victim_gateway.services.compliance import recompute
from victim_gateway.services.shared import next_action
from victim_gateway.vocabulary import TaskName

log = structlog.get_logger()


@celery.task(name=TaskName.RECOMPUTE_COMPLIANCE)  # type: ignore[untyped-decorator]
def recompute_compliance() -> None:
    """Rebuild the clocks, and then the next actions, as at now.

    Drift of a clock is logged as an alarm: a change was not followed by a refresh.
    """
    actor, now = Actor.worker("nightly recompute"), times.now()
    found = recompute.recompute_clocks(actor=actor, as_at=now)
    next_action.refresh_open_referrals(actor=actor, at=now)
    counts = {
        "clocks": found.clocks,
        "added": found.added,
        "changed": found.changed,
        "removed": found.removed,
        "aged": found.aged,
        "uncountable": found.uncountable,
    }
    if found.drift or found.uncountable:
        log.error("compliance.drift", drift=found.drift, **counts)
    else:
        log.info("compliance.recomputed", **counts)
