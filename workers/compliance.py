"""The nightly rebuild of every entitlement clock and next action, and the counts of the compliance pages."""

from __future__ import annotations

import time
from uuid import UUID

import structlog

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import transaction
from victim_gateway.extensions import celery
from victim_gateway.services.compliance import day_counts, recompute
from victim_gateway.services.compliance.recompute import RecomputeResult
from victim_gateway.services.shared import next_action
from victim_gateway.vocabulary import TaskName

log = structlog.get_logger()

ACTOR = Actor.worker("nightly recompute")
# Well within the time limit of a task: what is left then is gone on with in a new one.
WORKS_FOR_S = 120.0
HELPERS = 2


@celery.task(name=TaskName.RECOMPUTE_COMPLIANCE)  # type: ignore[untyped-decorator]
def recompute_compliance() -> None:
    """Begin to rebuild the clocks, as at now, or go on with a rebuild that was left.

    Free workers help, each by a task of its own. When all is done the next actions follow.
    """
    recompute_id = recompute.open_recompute(actor=ACTOR, at=times.now())
    for _ in range(HELPERS):
        _go_on_later(recompute_id)
    _work_on(recompute_id)


@celery.task(name=TaskName.CONTINUE_RECOMPUTE)  # type: ignore[untyped-decorator]
def continue_recompute(*, recompute_id: str) -> None:
    """Rebuild the ranges that nobody has claimed; one that is over leaves nothing to do."""
    _work_on(UUID(recompute_id))


@celery.task(name=TaskName.COUNT_CLOCKS)  # type: ignore[untyped-decorator]
def count_clocks() -> None:
    """Count anew the days of which a clock was written, so that the pages need not."""
    day_counts.count_stale_days(actor=Actor.worker("counting clocks"))


def _work_on(recompute_id: UUID) -> None:
    ends_at = time.monotonic() + WORKS_FOR_S
    while not recompute.recompute_next_range(recompute_id, actor=ACTOR, as_at=times.now()):
        if time.monotonic() > ends_at:
            _go_on_later(recompute_id)
            return
    found = recompute.finish_recompute(recompute_id, actor=ACTOR, at=times.now())
    if found is not None:
        _report(found)
        next_action.refresh_open_referrals(actor=ACTOR, at=times.now())


def _go_on_later(recompute_id: UUID) -> None:
    with transaction(ACTOR) as session:
        enqueue_task(session, TaskName.CONTINUE_RECOMPUTE, times.now(), recompute_id=recompute_id)


def _report(found: RecomputeResult) -> None:
    """Log what was found. Drift of a clock is an alarm: a change was not followed by a refresh."""
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
