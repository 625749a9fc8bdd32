"""What administrators type about organisations and services, and what providers say of their capacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from wtforms import (
    BooleanField,
    Field,
    FileField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, InputRequired, Optional

from victim_gateway.database.current import current_settings
from victim_gateway.database.kept_wordings import current_area
from victim_gateway.provider_vocabulary import AnswerUnit, ServiceCapacity, ServiceKind
from victim_gateway.rules.eligibility import SEX_PHRASES, VICTIM_TYPE_PHRASES
from victim_gateway.rules.service_capacity import CapacityStatement
from victim_gateway.rules.service_kinds import label_of_kind
from victim_gateway.services.providers.directory_entries import DirectoryEntry, cells_of
from victim_gateway.services.providers.editing import SERVICE_FORM
from victim_gateway.vocabulary import Harm
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import SelectChoice, choices_of
from victim_gateway.web.list_pages import QueryForm

CAPACITY_CHOICES = (
    (ServiceCapacity.OPEN, "Open: we take people, without a number"),
    (ServiceCapacity.PLACES, "A number of places"),
    (ServiceCapacity.WAITING_LIST, "A waiting list"),
    (ServiceCapacity.AFTER_ASSESSMENT, "We know only after our own assessment"),
    (ServiceCapacity.CLOSED, "Closed to new people"),
)


def phrase_choices(phrases: Mapping[str, str]) -> list[SelectChoice]:
    """Codes with their phrases as choices."""
    return [SelectChoice(code, text[:1].upper() + text[1:]) for code, text in phrases.items()]


def need_choices() -> list[SelectChoice]:
    """The needs of the area's scale."""
    return [SelectChoice(key, label) for key, label in current_area().needs.areas]


def kind_choices() -> list[SelectChoice]:
    """The kinds of service."""
    return [SelectChoice(kind.value, label_of_kind(kind)) for kind in ServiceKind]


def district_choices() -> list[SelectChoice]:
    """The districts of the area."""
    return [SelectChoice(name, name) for name in current_settings().area.districts]


class DirectoryFilterForm(QueryForm):
    """Which services of the directory are listed."""

    need = SelectField("Need")
    harm = SelectField("Kind of harm")
    district = SelectField("Lives in")
    retired = SelectField(
        "Retired services", choices=[SelectChoice("", "Left out"), SelectChoice("yes", "Shown too")]
    )


class CellsForm(BaseForm):
    """A form whose answers are the cells of a row of the directory."""

    def cells(self) -> dict[str, str]:
        """Every answer as the text that a file would hold."""
        return {
            field.short_name: _cell(field)
            for field in self
            if field.short_name not in ("submission_id", "version", "csrf_token")
        }


class ProviderForm(CellsForm):
    provider_name = StringField(
        "Name of the organisation", [DataRequired("Enter the name of the organisation")]
    )
    provider_description = TextAreaField("What it does", [DataRequired("Enter what it does, in a sentence")])
    active_from = GovDateField(
        "First day", what="The first day", required="Enter the first day on which it takes people"
    )
    active_until = GovDateField(
        "Last day", what="The last day", description="Leave it empty while no end is known."
    )


class NewProviderForm(ProviderForm):
    """A new organisation, which can't have been changed meanwhile."""

    is_versioned = False


class ServiceForm(CellsForm):
    """One service. Empty lists mean no restriction."""

    service_name = StringField("Name of the service", [DataRequired("Enter the name of the service")])
    service_description = TextAreaField("What it does", [DataRequired("Enter what it does, in a sentence")])
    harms = SelectMultipleField("Kinds of harm it helps after", choices=lambda: choices_of(Harm))
    needs = SelectMultipleField("Needs it helps with", choices=need_choices)
    victim_types = SelectMultipleField("Whom it serves", choices=lambda: phrase_choices(VICTIM_TYPE_PHRASES))
    sexes = SelectMultipleField("For one sex only", choices=lambda: phrase_choices(SEX_PHRASES))
    districts = SelectMultipleField("Where people must live", choices=district_choices)
    min_age = StringField("Youngest age")
    max_age = StringField("Oldest age")
    eligibility = TextAreaField("Whom it takes, in words")
    explicit_consent_only = BooleanField("It takes people only with their own explicit yes")
    kind = SelectField("Kind of service", choices=kind_choices, default=ServiceKind.GENERAL.value)
    phone = StringField("Telephone")
    urgent_phone = StringField("Number that answers day and night")
    email = StringField("Email address")
    website = StringField("Website")
    hours = TextAreaField("Hours")
    languages = StringField("Languages")
    accessibility = TextAreaField("Access")
    answer_within = StringField("Answers within")
    answer_unit = RadioField("Counted in", choices=choices_of(AnswerUnit), validators=[Optional()])
    starts_on = GovDateField("First day of the service", what="The first day")
    ends_on = GovDateField("Last day of the service", what="The last day")
    funder = StringField("Funder")
    contract_starts_on = GovDateField("Contract starts", what="The start of the contract")
    contract_ends_on = GovDateField("Contract ends", what="The end of the contract")
    accreditation = TextAreaField("Accreditation")
    contact_name = StringField("Name of the registered contact")
    contact_email = StringField("Email address of the registered contact")

    def fill(self, entry: DirectoryEntry) -> None:
        """Show what the directory says now."""
        written = cells_of(entry)
        for column in SERVICE_FORM:
            field, value = self[column], getattr(entry, column)
            if isinstance(field, SelectMultipleField):
                field.data = list(value)
            elif isinstance(field, BooleanField | GovDateField):
                field.data = value
            else:
                field.data = written[column].replace(";", ", ") if column == "languages" else written[column]


class NewServiceForm(ServiceForm):
    """A new service, which can't have been changed meanwhile."""

    is_versioned = False


class ServiceCapacityForm(BaseForm):
    """How many people a service can take from now on."""

    capacity = RadioField(
        "Can you take more people?",
        choices=[SelectChoice(kind.value, text) for kind, text in CAPACITY_CHOICES],
        validators=[InputRequired("Choose whether you can take more people")],
    )
    places = IntegerField("How many places?", [Optional()])
    waiting_people = IntegerField("How many people wait?", [Optional()])
    wait_days = IntegerField("About how many days do they wait?", [Optional()])

    def fill(self, statement: CapacityStatement) -> None:
        """Show what stands now."""
        self.capacity.data = statement.kind.value
        self.places.data, self.waiting_people.data = statement.places, statement.waiting_people
        self.wait_days.data = statement.wait_days

    def statement(self) -> CapacityStatement:
        """What was said; a number that belongs to another answer is left out."""
        kind = ServiceCapacity(self.capacity.data)
        has_queue = kind is ServiceCapacity.WAITING_LIST
        return CapacityStatement(
            kind,
            places=self.places.data if kind is ServiceCapacity.PLACES else None,
            waiting_people=self.waiting_people.data if has_queue else None,
            wait_days=self.wait_days.data if has_queue else None,
        )


class SuccessionAnswerForm(BaseForm):
    """The yes to what a page of a succession shows, or that it is laid aside: a button that says no more."""

    is_versioned = False


class SuccessorForm(BaseForm):
    """Who takes over, and to which of its services each service goes."""

    is_versioned = False


def successor_form(services: Sequence[tuple[str, str]], targets: Sequence[tuple[str, str]]) -> SuccessorForm:
    """A form with one question for each service: `services` and `targets` are ids with names."""
    fields = {
        f"service_{service_id}": SelectField(
            f"Where does {name} go?",
            choices=[
                SelectChoice("", "To none: all of it stays for a person to decide"),
                *(SelectChoice(target_id, target) for target_id, target in targets),
            ],
        )
        for service_id, name in services
    }
    form: SuccessorForm = type("MappedSuccessorForm", (SuccessorForm,), fields)()
    return form


class DirectoryFileForm(BaseForm):
    is_versioned = False

    file = FileField("Choose the file", validators=[DataRequired("Choose a file")])


class TakeOverFileForm(BaseForm):
    """The yes to exactly what a preview showed."""

    is_versioned = False

    digest = HiddenField()


def _cell(field: Field) -> str:
    value: Any = field.data
    if isinstance(field, SelectMultipleField):
        return ";".join(value or ())
    if isinstance(field, BooleanField):
        return "yes" if value else "no"
    if isinstance(value, date):
        return value.isoformat()
    text = str(value or "")
    return text.replace(",", ";") if field.short_name == "languages" else text
