"""What is asked to end a hold: a safe adult, a capacity answer, why a referral out of scope is taken."""

from __future__ import annotations

from wtforms import RadioField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.services.referrals.safe_adult import CapacityAnswer, SafeAdult
from victim_gateway.vocabulary import SafeAnswer
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import SelectChoice
from victim_gateway.web.validators import phone_number

SAFE_ADULT_CHOICES = (
    ("yes", "Yes, it is safe to contact them"),
    ("no", "No, do not contact them"),
    ("unknown", "Nobody has asked"),
)
_NOTE = [Length(max=4000, message="Shorten this to 4,000 characters")]


class SafeAdultForm(BaseForm):
    """The adult whom we may speak to about a child."""

    guardian_name = StringField("Name", [DataRequired("Enter the adult's name")])
    guardian_relationship = StringField(
        "Who are they to the child?",
        [DataRequired("Enter who they are to the child")],
        description="For example, mother, foster carer, social worker",
    )
    guardian_safe_to_contact = RadioField(
        "Is it safe for us to contact this adult?",
        choices=[SelectChoice(value, text) for value, text in SAFE_ADULT_CHOICES],
        validators=[DataRequired("Choose whether it is safe to contact this adult")],
        description="Never the suspect, anybody in their household, or a parent who is under investigation",
    )
    guardian_phone = StringField("Phone number", [phone_number])
    guardian_other_contact = StringField(
        "Another way to reach them",
        description="If there is no phone number. For example, through the school",
    )

    reason = TextAreaField("Why is this adult not recorded as not safe any more?", _NOTE)

    def fill(self, head: ReferralHeader) -> None:
        """Who they are by what is recorded; the number is not shown, and whether they are safe is asked anew."""
        self.guardian_name.data = head.person.get("guardian_name")
        self.guardian_relationship.data = head.person.get("guardian_relationship")

    def answer(self) -> SafeAdult:
        return SafeAdult(
            name=self.guardian_name.data or "",
            relationship=self.guardian_relationship.data or "",
            safe=SafeAnswer(self.guardian_safe_to_contact.data),
            phone=self.guardian_phone.data or None,
            other_contact=self.guardian_other_contact.data or None,
        )


class CapacityForm(BaseForm):
    """That the child may decide about this referral for themselves."""

    assessed_by = StringField(
        "Who assessed it?",
        [DataRequired("Enter who assessed it")],
        description="Name and role, for example, the social worker or the school nurse",
    )
    assessed_on = GovDateField(
        "When was it assessed?",
        what="When it was assessed",
        required="Enter when it was assessed",
        not_future=True,
    )
    note = TextAreaField(
        "Why may the child decide for themselves?",
        [DataRequired("Enter why the child may decide for themselves"), *_NOTE],
        description="What they understand, and what they want",
    )

    def answer(self) -> CapacityAnswer:
        return CapacityAnswer(
            assessed_by=self.assessed_by.data or "",
            assessed_on=self.assessed_on.data,
            note=self.note.data or "",
        )


class TakeOutOfScopeForm(BaseForm):
    """Why a referral is taken although the area's service is not for it."""

    reason_text = TextAreaField(
        "Why is it taken all the same?", [DataRequired("Enter why it is taken"), *_NOTE]
    )
