"""Forms with which administrators manage accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wtforms import BooleanField, RadioField, SelectField, StringField
from wtforms.validators import DataRequired, Length

from victim_gateway.vocabulary import Role
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import choices_of


class NewAccountForm(BaseForm):
    """A new account. The organisation is asked for providers only."""

    name = StringField("Name", [DataRequired("Enter the person's name"), Length(max=120)])
    email = StringField("Email address", [DataRequired("Enter their email address"), Length(max=254)])
    role = RadioField(
        "Role",
        choices=choices_of(Role, Role.PROVIDER_ADMINISTRATOR),
        validators=[DataRequired("Choose a role")],
    )
    organisation = SelectField("Provider", validate_choice=False)
    looks_after_users = BooleanField("Looks after the accounts of their organisation")

    def __init__(self, providers: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        """`providers` are keys with names."""
        super().__init__(**kwargs)
        self.organisation.choices = list(providers)

    def chosen_role(self) -> Role:
        """The chosen role; a provider's may be that of its administrator."""
        role = Role(self.role.data)
        administers = role is Role.PROVIDER and self.looks_after_users.data
        return Role.PROVIDER_ADMINISTRATOR if administers else role


class ConfirmForm(BaseForm):
    """Confirmation of a step that the page explains."""
