"""The auditors' filters."""

from __future__ import annotations

from typing import Any

from wtforms import SelectField, StringField

from victim_gateway.web.labels import SelectChoice
from victim_gateway.web.list_pages import QueryForm


class AuditFilterForm(QueryForm):
    """Filters of audit entries. `staff`: ids and names; `actions`: those that occur."""

    reference = StringField("Referral reference", description="For example, SG-26-004217")
    user = SelectField("Who did or saw it")
    action = SelectField("What was done")

    def __init__(self, *, staff: list[tuple[str, str]], actions: list[str], **kwargs: Any) -> None:
        choices = {
            "user": [SelectChoice(user_id, name) for user_id, name in staff],
            "action": [SelectChoice(action, action_label(action)) for action in actions],
        }
        super().__init__(choices=choices, **kwargs)


def action_label(action: str) -> str:
    """`sign_in.code_refused` as `Sign in: code refused`."""
    area, _, what = action.partition(".")
    label = f"{area}: {what}" if what else area
    return label.replace("_", " ").capitalize()
