"""What do I need to know: notes, newest first, some of them shared with a provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.database.transaction import transaction
from victim_gateway.models import ListEntry
from victim_gateway.queries.operations.kept_lists import offered_entries
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.overview import OnwardCard, case_notes, onward_cards
from victim_gateway.rules.kept_lists import NOTE_TEMPLATES
from victim_gateway.services.referrals.notes import NewNote, write_note
from victim_gateway.vocabulary import DraftKind
from victim_gateway.web import flashes
from victim_gateway.web.drafts import DraftedForm, drafted
from victim_gateway.web.forms import save_or_refuse
from victim_gateway.web.labels import SelectChoice
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor


class NoteForm(DraftedForm):
    """A subject, a body, and who else may read it."""

    is_versioned = False

    subject = StringField(
        "Subject",
        [DataRequired("Enter a subject"), Length(max=120, message="Shorten the subject to 120 characters")],
    )
    body = TextAreaField(
        "Note",
        [DataRequired("Enter the note"), Length(max=8000, message="Shorten the note to 8,000 characters")],
    )
    share_with = SelectField("Who may read it?")

    def __init__(self, onward: tuple[OnwardCard, ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.share_with.choices = [
            SelectChoice("", "Only us"),
            *(
                SelectChoice(str(item.onward_referral_id), f"Us and {item.provider} ({item.reference})")
                for item in onward
                if item.is_open_to_provider
            ),
        ]


@bp.route("/notes", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
@drafted(DraftKind.NOTE)
def notes(referral_id: UUID) -> ResponseReturnValue:
    """The notes, and a new one."""
    with transaction(signed_in_actor()) as session:
        templates = offered_entries(session, NOTE_TEMPLATES)
        form = NoteForm(onward_cards(session, referral_id), data=_template_text(templates))
    after = url_for("referrals.notes", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            shared = form.share_with.data
            write_note(
                form.command(),
                referral_id,
                NewNote(subject=form.subject.data or "", body=form.body.data or ""),
                onward_referral_id=UUID(shared) if shared else None,
            )
            flashes.flash_success("The note was saved" + (" and the provider was told" if shared else ""))
            return redirect(after)

    def shown(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        return {"notes": case_notes(session, head.referral.id, head.key), "templates": templates}

    return render_referral_page("referrals/notes.html", referral_id, section="notes", form=form, more=shown)


def _template_text(templates: Sequence[ListEntry]) -> dict[str, str]:
    """What a chosen template puts into the form; nothing where none was chosen or it is no longer offered."""
    chosen = request.args.get("template")
    found = next((entry for entry in templates if entry.code == chosen), None)
    return {"subject": found.label, "body": found.body or ""} if found else {}
