"""The tasks that complete the search index and look through everybody for records that are one person."""

from __future__ import annotations

import structlog

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.extensions import celery
from victim_gateway.integrations.record_linkage import LinkageFailed, LinkageNotInstalled
from victim_gateway.services.people import search_index
from victim_gateway.services.referrals import population_duplicates
from victim_gateway.vocabulary import TaskName

log = structlog.get_logger()

# Longer than other tasks have, and still shorter than the broker waits before it hands a task out again.
PASS_SOFT_LIMIT_S = 780
PASS_LIMIT_S = 840


@celery.task(name=TaskName.INDEX_PEOPLE)  # type: ignore[untyped-decorator]
def index_people() -> None:
    """Index people and referrals that were stored without search parts."""
    done = search_index.index_waiting_people(actor=Actor.worker("search index"))
    if done:
        log.info("people.indexed", rows=done)


@celery.task(  # type: ignore[untyped-decorator]
    name=TaskName.FIND_DUPLICATES, soft_time_limit=PASS_SOFT_LIMIT_S, time_limit=PASS_LIMIT_S
)
def find_duplicates() -> None:
    """Look through everybody once; where the optional extra is not installed, say so and read nothing."""
    try:
        found = population_duplicates.find_duplicates(actor=Actor.worker("population pass"), at=times.now())
    except LinkageNotInstalled as missing:
        log.info("people.linkage_not_installed", finding=str(missing))
    except LinkageFailed as error:
        log.error("people.linkage_failed", problem=str(error))
    else:
        log.info("people.linkage_done", **found.as_counts())
