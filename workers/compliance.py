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

    Free workers help, each by a task of its own. When all is done a task for the next actions follows.
    """
    recompute_id = recompute.open_recompute(actor=ACTOR, at=times.now())
    for _ in range(HELPERS):
        _go_on_later(recompute_id)
    _work_on(recompute_id)


@celery.task(name=TaskName.CONTINUE_RECOMPUTE)  # type: ignore[untyped-decorator]
def continue_recompute(*, recompute_id: str) -> None:
    """Rebuild the ranges that nobody has claimed; one that is over leaves nothing to do."""
    _work_on(UUID(recompute_id))


@celery.task(name=TaskName.RETRY_RECOMPUTE)  # type: ignore[untyped-decorator]
def retry_recompute(*, recompute_id: str) -> None:
    """Try the ranges that failed once more; those that fail again are an alarm."""
    _work_on(UUID(recompute_id), is_retry=True)


@celery.task(name=TaskName.REFRESH_NEXT_ACTIONS)  # type: ignore[untyped-decorator]
def refresh_next_actions() -> None:
    """Say anew what happens next on every open referral, since time alone changes it."""
    next_action.refresh_open_referrals(actor=ACTOR, at=times.now())


@celery.task(name=TaskName.COUNT_CLOCKS)  # type: ignore[untyped-decorator]
def count_clocks() -> None:
    """Count anew the days that changed, of clocks and of the service's own figures, so that the pages need not."""
    actor = Actor.worker("counting clocks")
    day_counts.count_stale_days(actor=actor)
    day_counts.count_stale_service_days(actor=actor)


def _work_on(recompute_id: UUID, *, is_retry: bool = False) -> None:
    """Rebuild ranges until none is left or the time is over; one that fails is passed over and tried again later."""
    ends_at = time.monotonic() + WORKS_FOR_S
    failed: set[int] = set()
    done: list[int] = []
    is_over = False
    while not is_over and time.monotonic() < ends_at:
        try:
            is_over = recompute.recompute_next_range(
                recompute_id,
                actor=ACTOR,
                as_at=times.now(),
                after_each=lambda number, _: done.append(number),
                but=failed,
                # Those that fail slowly may stand first and must not use up the time of all others twice.
                is_from_end=is_retry,
            )
        except recompute.RangeFailed as error:
            log.warning("compliance.range_failed", range=error.number, problem=type(error.error).__name__)
            failed.add(error.number)
    if is_over and not failed:
        _finish(recompute_id)
    elif is_retry and failed and (is_over or not done):
        _give_up(failed)
    else:
        later = TaskName.RETRY_RECOMPUTE if is_retry or failed else TaskName.CONTINUE_RECOMPUTE
        _go_on_later(recompute_id, later)


def _finish(recompute_id: UUID) -> None:
    found = recompute.finish_recompute(recompute_id, actor=ACTOR, at=times.now())
    if found is not None:
        _report(found)


def _give_up(failed: set[int]) -> None:
    """Leave the ranges as they are, and an alarm. What happens next is refreshed all the same."""
    log.error("compliance.ranges_failed", ranges=sorted(failed))
    with transaction(ACTOR) as session:
        enqueue_task(session, TaskName.REFRESH_NEXT_ACTIONS, times.now())


def _go_on_later(recompute_id: UUID, task: TaskName = TaskName.CONTINUE_RECOMPUTE) -> None:
    with transaction(ACTOR) as session:
        enqueue_task(session, task, times.now(), recompute_id=recompute_id)


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
