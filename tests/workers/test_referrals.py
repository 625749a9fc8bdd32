"""The purge of drafts as the scheduler runs it: once, and again without harm."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from flask import Flask
from structlog.testing import capture_logs

from config.celery import PURGE_DRAFTS, celery_settings
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.referrals.drafts import own_drafts
from victim_gateway.rules.drafts import DRAFT_DAYS, DraftPlace
from victim_gateway.services.shared.drafts import DraftPage, keep_draft
from victim_gateway.vocabulary import DraftKind
from workers.referrals import purge_drafts


def test_old_drafts_are_purged_each_night_and_younger_ones_stay(app: Flask, caseworker: Actor) -> None:
    now, place = times.now(), DraftPlace(DraftKind.REFERRAL)
    for days in (DRAFT_DAYS + 1, DRAFT_DAYS - 1):
        at = now - timedelta(days=days)
        keep_draft(caseworker, DraftPage(uuid4(), 1, uuid4()), place, (("town", "Stone"),), at=at)

    with capture_logs() as first:
        purge_drafts()
    with capture_logs() as second:
        purge_drafts()

    assert [(entry["event"], entry["count"]) for entry in first] == [("drafts.purged", 1)]
    assert second == []
    with transaction(caseworker) as session:
        assert len(own_drafts(session, caseworker)) == 1
    timetable = celery_settings(app.extensions["settings"])["beat_schedule"]
    assert PURGE_DRAFTS in [entry["task"] for entry in timetable.values()]
