"""How what belongs to the kind of a service reads: hidden answers, numbers for the worst hours, steps and free time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from victim_gateway.blueprints.onward_referrals.kind_forms import PREFIX, KindAnswersForm
from victim_gateway.database.current import current_settings
from victim_gateway.queries.onward_referrals.detail import OnwardReferralView
from victim_gateway.queries.onward_referrals.kind_steps import KindStepEntry, used_minutes
from victim_gateway.queries.onward_referrals.service_records import ServiceRecord
from victim_gateway.rules.eligibility import ServiceFit
from victim_gateway.rules.kind_answers import KindFacts, acute_state, route_of_age
from victim_gateway.rules.kind_steps import remaining_minutes
from victim_gateway.rules.service_kinds import ADULT, KIND_RULES, NO, KindRules
from victim_gateway.web.fields import GovDateField


@dataclass(frozen=True, slots=True)
class UrgentContact:
    """Whom to ring at once: `phone` answers day and night, `office_phone` in its hours; None where none is named.

    `place`: where children are seen.
    """

    service: str
    phone: str | None
    office_phone: str | None
    place: str | None


def urgent_contacts(
    fits: Iterable[ServiceFit], occurred_on: date | None, facts: KindFacts
) -> tuple[UrgentContact, ...]:
    """Whom to ring where a sexual assault may be recent; none where it is known to be longer ago.

    Without a day nobody knows, and nothing is read into that.
    """
    if acute_state(occurred_on, facts.today, facts.acute_days) == NO:
        return ()
    is_adult = route_of_age(facts.age) == ADULT
    return tuple(
        UrgentContact(
            f"{fit.service.provider_name}: {fit.service.name}",
            fit.service.urgent_phone,
            fit.service.phone,
            None if is_adult or _is_for_adults(fit) else facts.acute_place_of_children,
        )
        for fit in fits
        if fit.service.kind_rules.shows_urgent_contact
    )


@dataclass(frozen=True, slots=True)
class KindPanel:
    """What a page shows of the kind: its rules, the steps, and the free time where it has one (in minutes)."""

    rules: KindRules
    steps: tuple[KindStepEntry, ...]
    free_minutes: int
    used_minutes: int

    @property
    def remaining(self) -> str:
        """What is left of the free time, and what was given beyond it, in plain text."""
        left = remaining_minutes(self.used_minutes, self.free_minutes)
        beyond = max(0, self.used_minutes - self.free_minutes)
        said = f"{left} of {self.free_minutes} free minutes left"
        return f"{said}, {beyond} minutes beyond them" if beyond else said


def kind_panel(found: OnwardReferralView, record: ServiceRecord | None) -> KindPanel | None:
    """The panel of an onward referral whose kind has steps of its own; None for others, and before the acceptance."""
    rules = KIND_RULES[found.kind]
    if record is None or not (rules.steps or record.kind_steps):
        return None
    free = current_settings().area.kinds.business_free_minutes if rules.has_free_time else 0
    return KindPanel(rules, record.kind_steps, free, used_minutes(record.kind_steps))


def kind_fields(form: KindAnswersForm) -> Sequence[tuple[str, str]]:
    """The answers of a kind as hidden fields, so that the second page sends what the first one asked."""
    hidden: list[tuple[str, str]] = []
    for field in form:
        if not field.short_name.startswith(PREFIX):
            continue
        if isinstance(field, GovDateField):
            hidden += [(f"{field.name}-{part}", typed) for part, typed in field.typed.items() if typed]
        elif field.data:
            hidden.append((field.name, str(field.data)))
    return hidden


def _is_for_adults(fit: ServiceFit) -> bool:
    return fit.service.min_age is not None and fit.service.min_age >= 18
