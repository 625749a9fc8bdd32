"""What caseworkers choose when they ask several services, and what providers type when they give a person back."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from wtforms import BooleanField, RadioField, SelectField
from wtforms.validators import InputRequired

from victim_gateway.blueprints.onward_referrals.typed_fields import (
    read_row_id,
    required_choice,
    required_text,
)
from victim_gateway.offer_vocabulary import OfferGroupMode, ReturnReason
from victim_gateway.rules.eligibility import DirectoryService, ServiceFit
from victim_gateway.rules.offer_groups import FEWEST
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import SelectChoice, choices_of

PLACES = ("first", "second", "third", "fourth", "fifth")


class ChooseServicesForm(BaseForm):
    """Which services are asked, in which order, and how."""

    is_versioned = False

    mode = RadioField(
        "How do you want to ask them?",
        choices=[
            SelectChoice(
                OfferGroupMode.RANKED.value,
                "One after the other",
                {
                    "hint": "The next one is asked when the one before says no, does not answer or is taken back."
                },
            ),
            SelectChoice(
                OfferGroupMode.SIMULTANEOUS.value,
                "All at once",
                {"hint": "Each of them learns of the person now. Only where time matters more."},
            ),
        ],
        validators=[InputRequired("Choose how you want to ask them")],
    )
    closes_others = BooleanField("When one accepts, take it back from the others", default=True)
    first = SelectField("First", validate_choice=False)
    second = SelectField("Second", validate_choice=False)
    third = SelectField("Third, if there is one", validate_choice=False)
    fourth = SelectField("Fourth, if there is one", validate_choice=False)
    fifth = SelectField("Fifth, if there is one", validate_choice=False)

    def offer(self, fits: Sequence[ServiceFit]) -> None:
        """Show the services that can be asked."""
        choices = [
            SelectChoice(str(fit.service.id), f"{fit.service.provider_name}: {fit.service.name}")
            for fit in fits
        ]
        for name in PLACES:
            self[name].choices = choices

    def chosen(self) -> list[UUID]:
        """The chosen services in their order; what is no service is left out."""
        return [found for name in PLACES if (found := read_row_id(self[name].data))]

    def check_chosen(self) -> bool:
        """Whether enough services were chosen and none twice; notes at its field what is wrong."""
        seen: set[UUID] = set()
        for name in PLACES:
            found = read_row_id(self[name].data)
            if found in seen:
                self[name].errors = ["Choose each service once"]
            elif found is not None:
                seen.add(found)
        for name in PLACES[:FEWEST]:
            if read_row_id(self[name].data) is None:
                self[name].errors = [f"Choose the {name} service"]
        return not self.errors


class OfferGroupForm(BaseForm):
    """A button that says no more than that it was pressed."""

    is_versioned = False


class LiftPauseForm(BaseForm):
    """Why a person can be offered to a service again."""

    is_versioned = False

    reason_text = required_text(
        "Why can they be offered to it again?",
        "Say why they can be offered to this service again",
        description="It stands on the timeline with your name.",
    )


class ProposeServiceForm(BaseForm):
    """Which other service a provider proposes instead of its own."""

    proposed = SelectField(
        "Which service?",
        validate_choice=False,
        validators=[InputRequired("Choose a service from the directory")],
    )
    reason_text = required_text(
        "Why would it fit better?",
        "Say in a few words why it would fit better",
        description="The caseworker reads this, and decides. Nothing goes to the other service by itself.",
    )

    def offer(self, services: Sequence[DirectoryService]) -> None:
        """Show the public directory."""
        self.proposed.choices = directory_choices(services)


class ReturnForm(BaseForm):
    """Why a provider gives a person back."""

    reason = required_choice(
        "Why do you give them back?", choices_of(ReturnReason), "Choose why you give them back"
    )
    reason_text = required_text(
        "Say in a few words why",
        "Say in a few words why you give them back",
        description="The caseworker reads this to find the right help. Say what was done so far.",
    )
    proposed = SelectField("Another service that would fit", validate_choice=False)

    def offer(self, services: Sequence[DirectoryService]) -> None:
        """Show the public directory."""
        self.proposed.choices = directory_choices(services)


def directory_choices(services: Sequence[DirectoryService]) -> list[SelectChoice]:
    """Services of the public directory, by provider and name."""
    return [SelectChoice(str(each.id), f"{each.provider_name}: {each.name}") for each in services]
