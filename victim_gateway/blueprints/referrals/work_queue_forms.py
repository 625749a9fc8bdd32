"""What narrows the queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from wtforms import SelectField

from victim_gateway.vocabulary import NextAction, Risk
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
    next_action = SelectField("What happens next", choices=choices_of(NextAction, NextAction.NOTHING))
    district = SelectField("District")
    caseworker = SelectField("Caseworker")

    def __init__(
        self, *, districts: Sequence[str], caseworkers: Sequence[tuple[UUID, str]], **kwargs: Any
    ) -> None:
        """`districts` are the area's, `caseworkers` who works here."""
        choices = {
            "district": [SelectChoice(name, name) for name in districts],
            "caseworker": [SelectChoice(str(user_id), name) for user_id, name in caseworkers],
        }
        super().__init__(choices=choices, **kwargs)
