"""The forms with which administrators keep lists: an entry, a rule that proposes caseworkers, weights."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from wtforms import BooleanField, DecimalField, RadioField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length

from victim_gateway.database.current import current_settings
from victim_gateway.queries.accounts.account_list import list_accounts
from victim_gateway.queries.operations.kept_lists import ListLine
from victim_gateway.rules.duplicate_weights import lay_weights_over, number_label, weights_of_entry
from victim_gateway.rules.harm_protections import describe_protections
from victim_gateway.rules.kept_lists import HARM_ORDER, LONGEST_BODY, LONGEST_LABEL, KeptList
from victim_gateway.rules.proposal_rules import ProposalRule, write_rule
from victim_gateway.vocabulary import Harm, Risk, Role
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import SelectChoice, choices_of, label_of
from victim_gateway.web.sessions import signed_in_actor


def _all_harms() -> list[SelectChoice]:
    return [SelectChoice(harm.value, label_of(harm)) for harm in HARM_ORDER]


class EntryForm(BaseForm):
    """The wording of an entry, with its longer text where the list has one."""

    label = StringField(
        validators=[
            DataRequired("Enter the name"),
            Length(max=LONGEST_LABEL, message=f"Shorten this to {LONGEST_LABEL} characters"),
        ]
    )
    body = TextAreaField(
        validators=[Length(max=LONGEST_BODY, message=f"Shorten this to {LONGEST_BODY:,} characters")]
    )

    def __init__(self, kept: KeptList, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.label.label.text = kept.label_name
        if kept.body_label:
            self.body.label.text = kept.body_label
        else:
            del self.body

    @property
    def typed_body(self) -> str | None:
        """The longer text; None where the list has none."""
        return self.body.data if "body" in self else None


class RuleForm(EntryForm):
    """A rule that proposes a caseworker: its parts are ticked, and its entry keeps them as one text."""

    harms = SelectMultipleField("Kinds of harm", choices=_all_harms)
    districts = SelectMultipleField("Districts")
    risks = SelectMultipleField("Risk", choices=choices_of(Risk))
    languages = StringField("Languages", [Length(max=LONGEST_LABEL)])
    to = SelectMultipleField(
        "Who may be proposed?", validators=[DataRequired("Choose at least one caseworker")]
    )

    def __init__(self, kept: KeptList, **kwargs: Any) -> None:
        super().__init__(kept, **kwargs)
        del self.body
        area = current_settings().area
        self.districts.choices = [SelectChoice(each, each) for each in area.districts]
        accounts = list_accounts(actor=signed_in_actor())
        self.to.choices = [
            SelectChoice(str(each.id), each.name)
            for each in accounts
            if each.role in (Role.CASEWORKER, Role.SENIOR) and each.disabled_at is None
        ]

    def fill(self, rule: ProposalRule) -> None:
        """The parts as the entry keeps them."""
        self.harms.data, self.districts.data = sorted(rule.harms), sorted(rule.districts)
        self.risks.data, self.languages.data = sorted(rule.risks), ", ".join(rule.languages)
        self.to.data = [str(user_id) for user_id in rule.user_ids]

    @property
    def typed_body(self) -> str | None:
        spoken = [each.strip() for each in (self.languages.data or "").split(",") if each.strip()]
        parts = {name: self[name].data or [] for name in ("harms", "districts", "risks", "to")}
        return write_rule({**parts, "languages": spoken})


def weights_form(code: str, found: ListLine) -> BaseForm:
    """A form with one number for each level of a field, filled with what counts now."""
    area = current_settings().area.identity
    now = weights_of_entry(code, lay_weights_over(area, {code: found.body}))
    ships = weights_of_entry(code, area)
    fields = {
        name: DecimalField(
            number_label(code, name)[:1].upper() + number_label(code, name)[1:],
            [InputRequired("Enter a number, like 2.5")],
            places=1,
            description=f"Ships as {ships[name]:.1f}",
        )
        for name in ships
    }
    form: BaseForm = type("WeightsForm", (BaseForm,), fields)(
        data={name: Decimal(str(now[name])) for name in now}
    )
    return form


class NewRuleForm(RuleForm):
    """A new rule, which can't have been changed meanwhile."""

    is_versioned = False

    @property
    def chosen_code(self) -> str | None:
        """A rule stands for no code of another list."""
        return None

    @property
    def is_protection_enough(self) -> bool:
        """Of no meaning where nothing stands for a code."""
        return False


class NewEntryForm(EntryForm):
    """A new entry, which can't have been changed meanwhile."""

    is_versioned = False

    stands_for = RadioField("What does it stand for?", validate_choice=False)
    protects_enough = BooleanField("What the rules do for it protects the person enough")

    def __init__(self, kept: KeptList, **kwargs: Any) -> None:
        super().__init__(kept, **kwargs)
        if not kept.stands_for:
            del self.stands_for, self.protects_enough
            return
        self.stands_for.choices = [
            SelectChoice(code, label, {"hint": describe_protections(Harm(code))})
            for code, label in shipped_entries(kept)
            if code in kept.stands_for
        ]

    @property
    def chosen_code(self) -> str | None:
        """The code that the rules read for the new entry; None where the list has none."""
        return self.stands_for.data if "stands_for" in self else None

    @property
    def is_protection_enough(self) -> bool:
        """Whether the administrator says so, having read what the rules do."""
        return "protects_enough" in self and bool(self.protects_enough.data)


def shipped_entries(kept: KeptList) -> tuple[tuple[str, str], ...]:
    """Code and wording of each entry as it ships with the area."""
    return kept.shipped_entries(current_settings().area)
