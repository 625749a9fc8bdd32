"""Forms about a person: a link, a suspect's number, a merge and what undoes it."""

from __future__ import annotations

from wtforms import RadioField, StringField, TextAreaField
from wtforms.validators import DataRequired, Email, Length, Optional

from victim_gateway.rules.person_links import describe_link
from victim_gateway.vocabulary import LinkRole
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import SelectChoice
from victim_gateway.web.validators import phone_number

_REFERENCE = "Enter the reference of one of their referrals, like SG-26-004217"


class OtherPersonForm(BaseForm):
    """Another person, named by a referral of theirs: no name is typed, so none stands in an address or a log."""

    is_versioned = False

    other_reference = StringField(
        "Reference of one of their referrals",
        [DataRequired(_REFERENCE), Length(max=40, message="Shorten this to 40 characters")],
        description="Search for the person first, and copy the reference",
    )


class LinkForm(OtherPersonForm):
    """A link to another person, and what they are to this one."""

    role = RadioField(
        "What are they to this person?",
        choices=[SelectChoice(role.value, describe_link(role)) for role in LinkRole],
        validators=[DataRequired("Choose what they are to this person")],
    )


class EndLinkForm(BaseForm):
    """Why a link is over."""

    is_versioned = False

    reason = TextAreaField(
        "Why does it end?",
        [
            DataRequired("Enter why the link ends"),
            Length(max=1000, message="Shorten this to 1,000 characters"),
        ],
    )


class SuspectContactForm(BaseForm):
    """A number or email that must never be used for this person; only its hash is kept."""

    is_versioned = False

    phone = StringField("Phone number", [Optional(), phone_number])
    email = StringField(
        "Email address",
        [Optional(), Email(message="Enter an email address, like name@example.com")],
    )
    whose = RadioField(
        "Whose is it?",
        choices=[
            SelectChoice(LinkRole.SUSPECT.value, "A suspect's"),
            SelectChoice(LinkRole.SUSPECT_HOUSEHOLD.value, "Somebody's who lives with a suspect"),
        ],
        validators=[DataRequired("Choose whose it is")],
    )


class MergeForm(BaseForm):
    """That two records are one person, and why where it is asked for."""

    is_versioned = False

    reason = TextAreaField(
        "Why are they one person?", [Length(max=1000, message="Shorten this to 1,000 characters")]
    )


class UndoMergeForm(BaseForm):
    """Why they are two people after all."""

    is_versioned = False

    reason = TextAreaField(
        "Why are they two people?",
        [
            DataRequired("Enter why they are two people"),
            Length(max=1000, message="Shorten this to 1,000 characters"),
        ],
    )


class TakeBackDistinctionForm(BaseForm):
    """Why two records may be one person after all."""

    is_versioned = False

    reason = TextAreaField(
        "Why may they be one person?",
        [
            DataRequired("Enter why it is not so"),
            Length(max=1000, message="Shorten this to 1,000 characters"),
        ],
    )


class TargetingForm(BaseForm):
    """Whether a person is persistently targeted, why, and when somebody looks again."""

    is_versioned = False

    is_targeted = RadioField(
        "Is this person persistently targeted?",
        choices=[SelectChoice("yes", "Yes"), SelectChoice("no", "No, or not any more")],
        validators=[DataRequired("Choose yes or no")],
    )
    reason = TextAreaField(
        "What do you go by?",
        [DataRequired("Enter what you go by"), Length(max=2000, message="Shorten this to 2,000 characters")],
        description="How often, by whom, since when: it is sealed, and shown to the Gateway only",
    )
    review_on = GovDateField("When will somebody look again?", what="The day of the review")
