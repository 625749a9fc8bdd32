"""What is typed about an incident that several referrals share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from wtforms import HiddenField, RadioField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway.queries.referrals.incidents import NoteRecipients, SameCrimeReferral
from victim_gateway.rules.incidents import LONGEST_FACTS, LONGEST_REASON, LONGEST_TITLE
from victim_gateway.services.referrals.incidents import IncidentFacts
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import SelectChoice

JOIN, NEW = "join", "new"
_NUMBER = "Enter the number of an incident, like 12"


class IncidentForm(BaseForm):
    """What is known of an incident, without names."""

    title = StringField(
        "What do you call the incident?",
        [
            DataRequired("Enter what to call the incident"),
            Length(max=LONGEST_TITLE, message=f"Shorten this to {LONGEST_TITLE} characters"),
        ],
        description="By place and kind, like “Burglaries in Mill Lane”. No names of people",
    )
    happened_on = GovDateField("When did it happen?", what="When it happened", not_future=True)
    facts = TextAreaField(
        "What is known",
        [Length(max=LONGEST_FACTS, message=f"Shorten this to {LONGEST_FACTS:,} characters")],
        description="What everybody who works with one of these people should know. Write nothing that one of them"
        " told us in confidence, and no names",
    )

    def known(self) -> IncidentFacts:
        """What was typed."""
        return IncidentFacts(
            title=self.title.data or "", facts=self.facts.data or "", happened_on=self.happened_on.data
        )


class PutIntoIncidentForm(IncidentForm):
    """Whether a referral goes into an incident that is there, or into a new one."""

    is_versioned = False

    which = RadioField(
        "Which incident does it belong to?",
        choices=[SelectChoice(JOIN, "One that is recorded already"), SelectChoice(NEW, "A new one")],
        validators=[DataRequired("Choose which incident it belongs to")],
    )
    number = StringField("Number of the incident")
    with_others = SelectMultipleField(
        "Referrals of other people with the same crime number", validate_choice=False
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Only the answers to what was chosen count."""
        if self.which.data == JOIN:
            self.title.validators = ()
        is_valid = bool(super().validate(extra_validators=extra_validators))
        if self.which.data == JOIN and self.joined_number() is None:
            self.number.errors = [_NUMBER]
            return False
        return is_valid

    def offer_others(self, found: Iterable[SameCrimeReferral]) -> None:
        """The referrals that may be ticked, as the page lists them."""
        self.with_others.choices = [
            SelectChoice(str(each.referral_id), f"{each.reference}: {each.offence}") for each in found
        ]

    def chosen_others(self) -> frozenset[UUID]:
        """Those that were ticked; what is no key of a referral chooses none."""
        return _read_keys(self.with_others.data or ())

    def joined_number(self) -> int | None:
        """The number that was typed; None where it is none."""
        typed = (self.number.data or "").strip()
        return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 18 else None


class LeaveIncidentForm(BaseForm):
    """Why a referral does not belong to its incident."""

    is_versioned = False

    reason = TextAreaField(
        "Why does it not belong?",
        [
            DataRequired("Enter why it does not belong"),
            Length(max=LONGEST_REASON, message=f"Shorten this to {LONGEST_REASON:,} characters"),
        ],
    )


class AddReferralForm(BaseForm):
    """A referral that is put into the incident whose page this is."""

    is_versioned = False

    reference = StringField(
        "Reference of a referral",
        [
            DataRequired("Enter the reference of a referral, like SG-26-004217"),
            Length(max=40, message="Shorten this to 40 characters"),
        ],
    )


class NoteToAllForm(BaseForm):
    """A note for the referrals of an incident that the page lists; `listed` holds their keys."""

    is_versioned = False

    listed = HiddenField()

    subject = StringField(
        "Subject",
        [DataRequired("Enter a subject"), Length(max=120, message="Shorten the subject to 120 characters")],
    )
    body = TextAreaField(
        "Note",
        [DataRequired("Enter the note"), Length(max=8000, message="Shorten the note to 8,000 characters")],
    )

    def list_recipients(self, recipients: NoteRecipients) -> None:
        """What the page lists is what is sent back with the note."""
        self.listed.data = " ".join(str(each.referral_id) for each in recipients.referrals)

    def listed_referrals(self) -> frozenset[UUID]:
        """The referrals that the page listed."""
        return _read_keys((self.listed.data or "").split())


def _read_keys(typed: Iterable[str]) -> frozenset[UUID]:
    found = set()
    for each in typed:
        try:
            found.add(UUID(each))
        except ValueError:
            continue
    return frozenset(found)
