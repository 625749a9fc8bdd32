"""The files of a referral: adding one, opening one that was checked, removing one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response, abort, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import BooleanField, FileField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.database.current import current_settings
from victim_gateway.queries.referrals.attachments import attached_files
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.services.referrals import attachments
from victim_gateway.vocabulary import AttachmentState
from victim_gateway.web import flashes
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor
from victim_gateway.web.uploads import accepts_attachment

# A saved file is opened by the program that shows it; should a browser show it, nothing in it runs.
_NOTHING_RUNS = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


class AttachmentForm(BaseForm):
    """A file, and what it is."""

    is_versioned = False

    title = StringField(
        "What is it?",
        [DataRequired("Enter what the file is"), Length(max=120, message="Shorten this to 120 characters")],
    )
    file = FileField("Choose the file", validators=[DataRequired("Choose a file")])
    stays_here = BooleanField("It must stay in the Gateway")


class RemoveAttachmentForm(BaseForm):
    """Why a file is removed."""

    is_versioned = False

    reason = TextAreaField(
        "Why is it removed?",
        [
            DataRequired("Enter why the file is removed"),
            Length(max=1000, message="Shorten this to 1,000 characters"),
        ],
    )


@bp.route("/files", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
@accepts_attachment
def files(referral_id: UUID) -> ResponseReturnValue:
    """Every file, and a new one. A worker checks it before anybody can open it."""
    form, after = AttachmentForm(), url_for("referrals.files", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            chosen = form.file.data
            new = attachments.NewAttachment(
                form.title.data or "",
                chosen.stream,
                chosen.filename or "",
                stays_here=bool(form.stays_here.data),
            )
            attachments.add_attachment(form.command(), referral_id, new)
            flashes.flash_success("The file was received. It can be opened once it has been checked.")
            return redirect(after)

    def shown(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        settings = current_settings()
        found = attached_files(session, referral_id, head.key)
        return {
            "files": [each for each in found if each.state is not AttachmentState.REMOVED],
            "removed": [each for each in found if each.state is AttachmentState.REMOVED],
            "has_scanner": settings.clamd_url is not None,
            "is_taking_files": attachments.is_taking_files(),
            "most_mb": settings.max_attachment_bytes >> 20,
        }

    return render_referral_page("referrals/files.html", referral_id, section="files", form=form, more=shown)


@bp.get("/files/<uuid:attachment_id>/content")
@requires(Permission.EDIT_CASEWORK)
def file_content(referral_id: UUID, attachment_id: UUID) -> Response:
    """Send a checked file to be saved; that it was opened is audited."""
    fetched = attachments.fetch_attachment(attachment_id, referral_id, actor=signed_in_actor())
    return Response(
        fetched.content,
        mimetype=fetched.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{fetched.file_name}"',
            "Content-Security-Policy": _NOTHING_RUNS,
        },
    )


@bp.route("/files/<uuid:attachment_id>/remove", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def remove_file(referral_id: UUID, attachment_id: UUID) -> ResponseReturnValue:
    """Ask why, then remove a file for good."""
    form, after = RemoveAttachmentForm(), url_for("referrals.files", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            attachments.remove_attachment(
                form.command(), referral_id, attachment_id=attachment_id, reason=form.reason.data or ""
            )
            flashes.flash_success("The file was removed")
            return redirect(after)

    def shown(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        found = attached_files(session, referral_id, head.key)
        here = [each for each in found if each.attachment_id == attachment_id]
        if not here or here[0].state is AttachmentState.REMOVED:
            abort(404)
        return {"file": here[0]}

    return render_referral_page(
        "referrals/remove_file.html", referral_id, section="files", form=form, more=shown
    )
