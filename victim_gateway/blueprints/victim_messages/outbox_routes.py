"""What has left to people, would have or waits; and what did not leave, for whoever reaches them otherwise."""

from __future__ import annotations

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.kept_mail import KEPT_FOR, MOST_KEPT
from victim_gateway.queries.victim_messages.kept_mails import kept_mails
from victim_gateway.queries.victim_messages.lists import MOST_LISTED, outgoing_messages, stuck_messages
from victim_gateway.rules.own_links import split_at_own_links
from victim_gateway.rules.victim_message_gate import refusal_text
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("outbox", __name__, url_prefix="/outbox", template_folder="templates")
unsent_bp = Blueprint("unsent_messages", __name__, url_prefix="/unsent-messages", template_folder="templates")

# A longer e-mail, such as one about everything that is due, is folded, so that the next one is in sight.
LONGEST_OPEN_LINES = 15


@bp.get("")
@requires(Permission.VIEW_OUTBOX)
def home() -> ResponseReturnValue:
    """The newest messages to people with their words and without the people. Looking is audited."""
    settings = current_settings()
    return render_template(
        "victim_messages/outbox.html",
        messages=outgoing_messages(actor=signed_in_actor()),
        most=MOST_LISTED,
        refusal_text=refusal_text,
        is_live=settings.is_production,
        carries_anything=bool(settings.notify_api_key or settings.smtp_url),
        keeps_mail=_keeps_mail(),
    )


@bp.get("/emails")
@requires(Permission.VIEW_OUTBOX)
def emails() -> ResponseReturnValue:
    """The e-mails that the stand-in for a mail server took; not there without it. Looking is audited."""
    if not _keeps_mail():
        abort(404)
    settings = current_settings()
    mails = kept_mails(settings.home, actor=signed_in_actor(), at=times.now())
    return render_template(
        "victim_messages/emails.html",
        mails=[(mail, split_at_own_links(mail.body, settings.public_url)) for mail in mails],
        longest_open=LONGEST_OPEN_LINES,
        most=MOST_KEPT,
        days=KEPT_FOR.days,
    )


def _keeps_mail() -> bool:
    """Whether e-mails may be shown: the settings refuse it in production, and this does once more."""
    settings = current_settings()
    return settings.keeps_mail and not settings.is_production


@unsent_bp.get("")
@requires(Permission.VIEW_WORK)
def home_of_unsent() -> ResponseReturnValue:
    """What a person has to decide about or to do otherwise, first who is in most danger."""
    with transaction(signed_in_actor()) as session:
        stuck = stuck_messages(session)
    return render_template(
        "victim_messages/unsent.html", messages=stuck, most=MOST_LISTED, refusal_text=refusal_text
    )
