"""The index pass: what an earlier release stored becomes findable; twice is once."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import select, text
from structlog.testing import capture_logs

from tests.factories.feeds import feed_row
from tests.factories.imports import import_rows
from tests.plumbing.apps import Owner
from victim_gateway.models import Person, Referral
from workers.people import index_people


def test_what_waits_is_indexed_once_and_every_hash_is_as_the_import_makes_it(
    app: Flask, owner: Owner
) -> None:
    import_rows(feed_row(given_name="Łukasz"), feed_row(given_name="Ann-Marie"))
    columns = select(
        Person.name_tokens, Person.name_dob_hash, Person.phone_hashes, Person.victim_reference_hash
    ).order_by(Person.id)
    parts = (
        select(Person.search_parts).order_by(Person.id),
        select(Referral.search_parts).order_by(Referral.id),
    )
    with owner() as session:
        hashes = session.execute(columns).all()
        stored = [[set(found) for found in session.scalars(each)] for each in parts]
        session.execute(
            text("UPDATE person SET search_parts = NULL, name_tokens = '{}', name_dob_hash = NULL")
        )
        session.execute(text("UPDATE referral SET search_parts = NULL"))
    with capture_logs() as first:
        index_people()
    with capture_logs() as second:
        index_people()
    assert [(entry["event"], entry["rows"]) for entry in first] == [("people.indexed", 4)]
    assert second == []
    with owner() as session:
        assert session.execute(columns).all() == hashes
        assert [[set(found) for found in session.scalars(each)] for each in parts] == stored
