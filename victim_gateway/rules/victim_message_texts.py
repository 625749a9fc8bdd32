"""The approved wordings of messages to a person: neutral, with listed placeholders and nothing else.

Whoever reads over a shoulder must learn nothing from them: no service, no provider, no crime, no name, no reference.
A template at Notify must be equal to the wording here, or its kind is closed (`compare_template`). A change of a
wording is a change of the program, approved as one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from victim_gateway.victim_message_vocabulary import VictimMessageKind
from victim_gateway.vocabulary import Channel

_PLACEHOLDER = re.compile(r"\(\(([^()]+)\)\)")
# What Notify calls the kinds of a template.
NOTIFY_TYPES: Mapping[Channel, str] = {Channel.SMS: "sms", Channel.EMAIL: "email", Channel.POST: "letter"}
ADDRESS_LINES = tuple(f"address_line_{number}" for number in range(1, 8))
# Words that say what the service is for; no approved wording, and no link in one, has any of them.
BETRAYING_TERMS = (
    "victim",
    "crime",
    "police",
    "abuse",
    "gateway",
    "witness",
    "support",
    "survivor",
    "justice",
    "safe",
    "court",
    "offence",
    "violence",
    "referral",
    "refuge",
    "assault",
    "officer",
    "commissioner",
    "suspect",
    "hub",
    "service",
)


@dataclass(frozen=True, slots=True)
class ApprovedText:
    """One wording as it must stand at Notify; `((name))` is a placeholder."""

    kind: VictimMessageKind
    channel: Channel
    body: str
    subject: str | None = None
    with_number: bool = False

    @property
    def code(self) -> str:
        """Its name in the area's profile, for example `tried_to_reach.sms`."""
        number = "_with_number" if self.with_number else ""
        return f"{self.kind.value}{number}.{self.channel.value}"

    @property
    def placeholders(self) -> frozenset[str]:
        """What is filled in."""
        return frozenset(_PLACEHOLDER.findall(f"{self.subject or ''}\n{self.body}"))

    def fill(self, values: Mapping[str, str]) -> tuple[str | None, str]:
        """Subject and body with the values in their places. Raises KeyError where one is missing."""
        parts = (self.subject, self.body)
        subject, body = (part and _PLACEHOLDER.sub(lambda found: values[found[1]], part) for part in parts)
        return subject, body or ""


_SMS, _EMAIL, _POST = Channel.SMS, Channel.EMAIL, Channel.POST
_TRIED, _TOMORROW = VictimMessageKind.TRIED_TO_REACH, VictimMessageKind.APPOINTMENT_TOMORROW
_SURVEY, _LETTER = VictimMessageKind.SURVEY, VictimMessageKind.RIGHTS_LETTER

APPROVED_TEXTS: tuple[ApprovedText, ...] = (
    ApprovedText(_TRIED, _SMS, "We tried to call you. There is nothing you need to do: we will try again."),
    ApprovedText(
        _TRIED, _SMS, "We tried to call you. You can call us on ((number)) if you like.", with_number=True
    ),
    ApprovedText(
        _TRIED,
        _EMAIL,
        "We tried to call you. There is nothing you need to do: we will try again.",
        subject="We tried to call you",
    ),
    ApprovedText(
        _TRIED,
        _EMAIL,
        "We tried to call you. You can call us on ((number)) if you like.",
        subject="We tried to call you",
        with_number=True,
    ),
    ApprovedText(_TOMORROW, _SMS, "This is a reminder for tomorrow, ((date)) at ((time))."),
    ApprovedText(
        _TOMORROW,
        _EMAIL,
        "This is a reminder for tomorrow, ((date)) at ((time)).",
        subject="A reminder for tomorrow",
    ),
    ApprovedText(_SURVEY, _SMS, "Thank you for your time. Tell us how we did, if you want to: ((link))"),
    ApprovedText(
        _SURVEY,
        _EMAIL,
        "Thank you for your time. Tell us how we did, if you want to: ((link))",
        subject="Thank you for your time",
    ),
    ApprovedText(
        _LETTER,
        _POST,
        "There is an information sheet for you. We did not put it in this envelope."
        " Tell us at our next call how you would like to have it.",
        subject="Your information sheet",
    ),
)
TEXTS_BY_CODE: Mapping[str, ApprovedText] = {text.code: text for text in APPROVED_TEXTS}
CHANNELS_OF_KIND: Mapping[VictimMessageKind, tuple[Channel, ...]] = {
    kind: tuple(dict.fromkeys(text.channel for text in APPROVED_TEXTS if text.kind is kind))
    for kind in VictimMessageKind
}


@dataclass(frozen=True, slots=True)
class TemplateAtNotify:
    """A template as Notify has it."""

    template_id: str
    type: str
    version: int
    body: str
    subject: str | None = None
    letter_contact_block: str | None = None


def find_text(kind: VictimMessageKind, channel: Channel, *, with_number: bool = False) -> ApprovedText | None:
    """The wording of a kind for a channel; None where none is approved."""
    found = (
        text
        for text in APPROVED_TEXTS
        if text.kind is kind and text.channel is channel and text.with_number == with_number
    )
    return next(found, None)


def compare_template(text: ApprovedText, template: TemplateAtNotify) -> str | None:
    """What differs between a template and its approved wording; None where they are equal."""
    if template.type != NOTIFY_TYPES[text.channel]:
        return f"is a template for {template.type}, not for {NOTIFY_TYPES[text.channel]}"
    if _plain(template.body) != _plain(text.body):
        return "its words are not the approved ones"
    if text.subject is not None and _plain(template.subject or "") != _plain(text.subject):
        return "its subject is not the approved one"
    if _plain(template.letter_contact_block or ""):
        return "it prints a contact block, which names who sends it"
    return None


def _plain(said: str) -> str:
    """Without what Notify changes by itself: the ends of lines, and blanks at either end."""
    return "\n".join(line.rstrip() for line in said.replace("\r\n", "\n").strip().split("\n"))
