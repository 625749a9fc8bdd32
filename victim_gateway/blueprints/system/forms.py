"""What administrators type, and what auditors filter by."""

from __future__ import annotations

from wtforms import RadioField, SelectField, StringField
from wtforms.validators import DataRequired, Length

from victim_gateway.vocabulary import Role
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.queries import QueryForm
from victim_gateway.web.wording import SelectChoice, choices


class NewAccountForm(BaseForm):
    """A new account. The organisation is asked for providers only."""

    name = StringField("Name", [DataRequired("Enter the person's name"), Length(max=120)])
    email = StringField("Email address", [DataRequired("Enter their email address"), Length(max=254)])
    role = RadioField("Role", choices=choices(Role), validators=[DataRequired("Choose a role")])
    organisation = SelectField("Provider", validate_choice=False)


class ConfirmForm(BaseForm):
    """A step that the page before it has explained."""


def audit_filter(staff: list[tuple[str, str]], actions: list[str]) -> QueryForm:
    """Which entries of the audit are shown. `staff`: ids and names; `actions`: those that occur."""

    class AuditFilter(QueryForm):
        reference = StringField("Referral reference", description="For example, SG-26-004217")
        user = SelectField("Who did or saw it", choices=[SelectChoice(*pair) for pair in staff])
        action = SelectField("What was done", choices=[SelectChoice(a, action_words(a)) for a in actions])

    return AuditFilter()


def action_words(action: str) -> str:
    """`sign_in.code_refused` as `Sign in: code refused`."""
    area, _, what = action.partition(".")
    words = f"{area}: {what}" if what else area
    return words.replace("_", " ").capitalize()
