"""After a change was saved: the line that says that a message to the person had left shortly before.

One hook for every page: whatever service changed what the gate reads noted it behind its locks.
"""

from __future__ import annotations

from uuid import UUID

from flask import Flask, Response, url_for

from victim_gateway.database.transaction import take_left_messages, transaction
from victim_gateway.extensions import db
from victim_gateway.queries.victim_messages.lists import find_left_message
from victim_gateway.vocabulary import DatabaseRole
from victim_gateway.web import flashes
from victim_gateway.web.sessions import signed_in_actor

_TEXT = "A message to the person left shortly before this change was saved."
_LINK = "See when, and to which number or address"


def register_left_messages(app: Flask) -> None:
    """Say it on the page that a saved form leads to."""

    @app.after_request
    def say_what_left(response: Response) -> Response:
        people = take_left_messages(db.session()) if 300 <= response.status_code < 400 else set()
        if people:
            _flash(people)
        return response


def _flash(people: set[UUID]) -> None:
    """Only of a referral that the reader may see, and only to those who work on referrals. No number."""
    actor = signed_in_actor()
    if actor.database_role is not DatabaseRole.CASEWORKER:
        return
    with transaction(actor) as session:
        found = [find_left_message(session, person_id) for person_id in sorted(people)]
    for referral_id in filter(None, found):
        flashes.flash_success(_TEXT, link=(_LINK, url_for("referrals.messages", referral_id=referral_id)))
