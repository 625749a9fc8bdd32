"""What takes messages to people: GOV.UK Notify, for e-mail without it a mail server, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

from config import LOOPBACK, Settings
from victim_gateway.integrations.mail import MailServer, mail_server
from victim_gateway.integrations.notify import Notify, notify_service
from victim_gateway.rules.victim_message_recipients import RecipientLimits
from victim_gateway.rules.victim_message_texts import (
    BETRAYING_TERMS,
    TEXTS_BY_CODE,
    ApprovedText,
    TemplateAtNotify,
    compare_template,
    find_text,
)
from victim_gateway.victim_message_vocabulary import VictimMessageKind
from victim_gateway.vocabulary import Channel


@dataclass(frozen=True, slots=True)
class MessageCarriers:
    """What is set up, and the templates as Notify had them when this round of sending began.

    `templates` has an entry for each code that was looked at; None where Notify has no such template.
    """

    notify: Notify | None
    mail: MailServer | None
    templates: Mapping[str, TemplateAtNotify | None] = field(default_factory=dict)

    def carries(self, channel: Channel) -> bool:
        """Whether anything takes messages of this channel."""
        return self.notify is not None or (channel is Channel.EMAIL and self.mail is not None)

    def is_by_mail(self, channel: Channel) -> bool:
        """Whether it goes by the mail server, which can't be asked afterwards."""
        return self.notify is None and channel is Channel.EMAIL


def current_carriers(settings: Settings) -> MessageCarriers:
    """What the settings name."""
    return MessageCarriers(
        _notify(settings.notify_api_key, settings.notify_base_url),
        mail_server(settings.smtp_url) if has_neutral_sender(settings) else None,
    )


# One for each process, so that its threads keep their connections.
@lru_cache(maxsize=4)
def _notify(api_key: str | None, base_url: str) -> Notify | None:
    return notify_service(api_key, base_url)


def has_neutral_sender(settings: Settings) -> bool:
    """Whether e-mail to a person may come from the address that is set: it must not say what the service is for."""
    sender = (settings.people_mail_from or "").lower()
    return bool(sender) and not any(word in sender for word in BETRAYING_TERMS)


def text_of_kind(settings: Settings, kind: VictimMessageKind, channel: Channel) -> ApprovedText | None:
    """The wording that the area sends: with its number where it has a neutral one; None: nothing is approved."""
    if settings.area.messages.neutral_number:
        with_number = find_text(kind, channel, with_number=True)
        if with_number is not None:
            return with_number
    return find_text(kind, channel)


def has_template(settings: Settings, carriers: MessageCarriers, code: str) -> bool:
    """Whether the area has a template for a wording; a mail server needs none, the wording itself is sent."""
    text = TEXTS_BY_CODE.get(code)
    if text is None:
        return False
    return carriers.is_by_mail(text.channel) or settings.area.messages.template_id(code) is not None


def is_template_approved(carriers: MessageCarriers, code: str) -> bool | None:
    """Whether the template at Notify is equal to the approved wording; None where it was not looked at."""
    text = TEXTS_BY_CODE.get(code)
    if text is None:
        return False
    if carriers.is_by_mail(text.channel):
        return True
    if code not in carriers.templates:
        return None
    template = carriers.templates[code]
    return template is not None and compare_template(text, template) is None


def recipient_limits(settings: Settings, channel: Channel) -> RecipientLimits:
    """Who may be reached by what takes messages of this channel."""
    is_by_notify = settings.notify_api_key is not None
    url = (
        settings.notify_base_url if is_by_notify else settings.smtp_url if channel is Channel.EMAIL else None
    )
    return RecipientLimits(
        is_production=settings.is_production,
        is_on_this_machine=url is None or urlsplit(url).hostname in LOOPBACK,
        listed=settings.notify_allowed_recipients,
    )
