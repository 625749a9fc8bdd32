"""Forms with which administrators say who works for a provider, and with which services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from wtforms import RadioField, SelectField, SelectMultipleField, StringField
from wtforms.validators import DataRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from victim_gateway.queries.accounts.memberships import MemberView, OrganisationChoice, ServiceChoice
from victim_gateway.services.accounts.memberships import MemberAccess
from victim_gateway.vocabulary import Role
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import SelectChoice

ALL, NAMED, NONE = "all", "named", "none"


class _NameAndAddressForm(BaseForm):
    """Above the questions about access, as on the page: errors are listed in the order of the fields."""

    name = StringField("Name", [DataRequired("Enter the person's name"), Length(max=120)])
    email = StringField("Email address", [DataRequired("Enter their email address"), Length(max=254)])


class MemberAccessForm(BaseForm):
    """What an account is to do in a provider."""

    role = RadioField(
        "What do they do?",
        choices=[
            SelectChoice(Role.PROVIDER.value, "Work with people who are referred"),
            SelectChoice(
                Role.PROVIDER_ADMINISTRATOR.value, "Look after your organisation's accounts as well"
            ),
        ],
        validators=[DataRequired("Choose what they do")],
    )
    reach = RadioField(
        "Whose referrals may they see?",
        choices=[
            SelectChoice(ALL, "Those of every service, also of services to come"),
            SelectChoice(NAMED, "Those of some services only"),
            SelectChoice(NONE, "None"),
        ],
        validators=[DataRequired("Choose whose referrals they may see")],
    )
    services = SelectMultipleField(
        "Services",
        choices=[],
        validate_choice=False,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )

    def offer(self, services: Sequence[ServiceChoice], saved: MemberView | None = None) -> None:
        """The services to choose from; opened for an account, what it has now."""
        self._offered = {str(service.id) for service in services}
        self.services.choices = [SelectChoice(str(service.id), service.name) for service in services]
        if saved is not None and not self.is_submitted():
            self.role.data = saved.role.value
            self.reach.data = ALL if saved.all_services else NAMED if saved.service_ids else NONE
            self.services.data = [str(service_id) for service_id in saved.service_ids]

    def validate(self, extra_validators: Any = None) -> bool:
        valid = super().validate(extra_validators)
        if self.reach.data == NAMED and not self._named():
            self.services.errors = ["Choose at least one service, or no referrals at all"]
            return False
        return valid

    def access(self) -> MemberAccess:
        """The chosen role and services."""
        named = self._named() if self.reach.data == NAMED else ()
        return MemberAccess(Role(self.role.data), self.reach.data == ALL, named)

    def _named(self) -> tuple[UUID, ...]:
        return tuple(UUID(value) for value in self.services.data or () if value in self._offered)


class NewMemberForm(_NameAndAddressForm, MemberAccessForm):
    """Somebody who is to have an account of the administrator's own provider."""

    is_versioned = False


class ConfirmMemberForm(BaseForm):
    """Confirmation of a step that the page explains."""

    is_versioned = False


class NewMembershipForm(BaseForm):
    """Another provider that an account is to work for; what it does there is chosen next."""

    is_versioned = False
    organisation = SelectField("Provider", validate_choice=False)

    def offer(self, providers: Sequence[tuple[str, str]]) -> None:
        """`providers` are keys with names."""
        self.organisation.choices = list(providers)


class ChooseOrganisationForm(BaseForm):
    """For which provider the user works now. Its sending is of a session that is not signed in wholly."""

    is_versioned = False
    organisation = RadioField("Which organisation are you working for?", choices=[], validate_choice=False)

    def offer(self, organisations: Sequence[OrganisationChoice]) -> None:
        """The organisations of the account."""
        self._offered = {str(each.id) for each in organisations}
        self.organisation.choices = [SelectChoice(str(each.id), each.name) for each in organisations]

    def chosen(self) -> UUID | None:
        """The one that was chosen, of those that were offered."""
        return UUID(self.organisation.data) if self.organisation.data in self._offered else None
