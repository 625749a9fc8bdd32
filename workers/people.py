"""The task that completes the search index."""

from __future__ import annotations

import structlog

from victim_gateway.actors import Actor
from victim_gateway.extensions import celery
from victim_gateway.services.people import search_index
from victim_gateway.vocabulary import TaskName

log = structlog.get_logger()


@celery.task(name=TaskName.INDEX_PEOPLE)  # type: ignore[untyped-decorator]
def index_people() -> None:
    """Index people and referrals that were stored without search parts."""
    done = search_index.index_waiting_people(actor=Actor.worker("search index"))
    if done:
        log.info("people.indexed", rows=done)
