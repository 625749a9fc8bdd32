"""An e-mail that could not be delivered: what it was about, try again, or told in another way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import TextAreaField
from wtforms.validators import Length

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.database.current import current_settings
from victim_gateway.queries.referrals.failed_message import failed_message
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.rules.provider_notices import NOTICE_TEXTS
from victim_gateway.services.messages import failed_messages
from victim_gateway.services.messages.contact_tasks import ABOUT_CONTACT
from victim_gateway.vocabulary import NoticeKind, ReminderKind
from victim_gateway.web import flashes
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.permissions import requires

_ABOUT_REMINDERS = {
    ReminderKind.NOTE_WRITTEN: "There is a note",
}
_DUE = "Something is due"


class FailedMessageForm(BaseForm):
    """How the reader was told instead."""

    is_versioned = False

    how = TextAreaField(
        "How did you tell them, and when?",
        [Length(max=2000, message="Shorten this to 2,000 characters")],
        description="For example: rang the duty worker at 2:30pm and read it out",
    )


@bp.route("/failed-messages/<uuid:task_id>", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def failed_message_task(referral_id: UUID, task_id: UUID) -> ResponseReturnValue:
    """Deal with an e-mail that could not be delivered."""
    form, after = FailedMessageForm(), url_for("referrals.overview", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            if request.form.get("step") == "retry":
                failed_messages.retry_failed_messages(form.command(), referral_id, task_id=task_id)
                flashes.flash_success("The e-mail is tried again. If it fails again, a new task says so.")
            else:
                failed_messages.record_other_contact(
                    form.command(), referral_id, task_id=task_id, how=form.how.data or ""
                )
                flashes.flash_success("It is written down that you told them in another way")
            return redirect(after)

    def found(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        failure = failed_message(session, referral_id, task_id)
        return {
            "failure": failure,
            "about": describe_about(failure.about),
            "can_retry": bool(failure.message_count) and current_settings().smtp_url is not None,
        }

    return render_referral_page(
        "referrals/failed_message.html", referral_id, section="overview", form=form, more=found
    )


def describe_about(about: str) -> str:
    """What the e-mail was about, in a line."""
    if about in {kind.value for kind in NoticeKind}:
        return NOTICE_TEXTS[NoticeKind(about)].title
    if about == ABOUT_CONTACT:
        return "The link of a registered contact"
    return _ABOUT_REMINDERS.get(ReminderKind(about), _DUE)
