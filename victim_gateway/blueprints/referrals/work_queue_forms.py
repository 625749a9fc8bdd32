"""What narrows the queue."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from wtforms import SelectField

from victim_gateway.vocabulary import NextAct, Risk
from victim_gateway.web.labels import SelectChoice, choices_of
from victim_gateway.web.list_pages import QueryForm

DUE = [
    SelectChoice("overdue", "Overdue"),
    SelectChoice("today", "Due today"),
    SelectChoice("week", "Due in the next 7 days"),
]


class QueueForm(QueryForm):
    """Filters of one tab; the address holds them, and nothing personal is among them."""

    due = SelectField("Due", choices=DUE)
    risk = SelectField("Risk", choices=choices_of(Risk))
    next_act = SelectField("What happens next", choices=choices_of(NextAct, NextAct.NOTHING))
    district: SelectField
    caseworker: SelectField


def queue_form(districts: Sequence[str], caseworkers: Sequence[tuple[UUID, str]]) -> QueueForm:
    """The filters as the address has them, with the choices of this area and of who works here."""

    class Offered(QueueForm):
        # On the class, because the address is read against the choices when the form is made.
        district = SelectField("District", choices=[SelectChoice(name, name) for name in districts])
        caseworker = SelectField(
            "Caseworker", choices=[SelectChoice(str(user_id), name) for user_id, name in caseworkers]
        )

    return Offered()
