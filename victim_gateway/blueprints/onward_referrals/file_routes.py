"""Files that go with an onward referral: the caseworker chooses, looks and shares, the provider opens."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from flask import Response, redirect, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, HiddenField, SelectMultipleField

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.onward_referrals.blueprint import bp
from victim_gateway.blueprints.onward_referrals.common import onward_referral_of
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound
from victim_gateway.models import OnwardReferral
from victim_gateway.queries.onward_referrals.eligibility import NO_FILES_BY_LINK, is_only_by_link
from victim_gateway.queries.onward_referrals.handover import sharing_basis
from victim_gateway.queries.onward_referrals.shared_files import (
    CopyForProvider,
    FileToChoose,
    copies_for_provider,
)
from victim_gateway.rules.consent_answers import parts_beyond_scope
from victim_gateway.rules.handover import RecordedConsent
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services import onward_referrals
from victim_gateway.vocabulary import HandoverPart, SharedFileState
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import BaseForm, render_form, save_or_refuse
from victim_gateway.web.labels import SelectChoice
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

# A saved file is opened by the program that shows it; should a browser show it, nothing in it runs.
_NOTHING_RUNS = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


class ChooseFilesForm(BaseForm):
    """Which files of the referral are copied for the provider."""

    # Whether a file may go is for the service to say: it may have been chosen or removed meanwhile.
    files = SelectMultipleField("Which files are they to have?", choices=[], validate_choice=False)

    def offer(self, files: Sequence[FileToChoose]) -> None:
        """Show the files that can go."""
        self.files.choices = [
            SelectChoice(str(file.attachment_id), f"File {file.number}: {file.title}")
            for file in files
            if file.hindrance is None
        ]


class ShareFilesForm(BaseForm):
    """The copies that were looked at, and the person's yes to them."""

    agreed = BooleanField("The person agreed that these files go to this provider")
    shown = HiddenField()


class TakeBackFileForm(BaseForm):
    """A button that says no more than that it was pressed."""


@bp.route("/onward-referrals/<uuid:onward_referral_id>/files", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def files(onward_referral_id: UUID) -> ResponseReturnValue:
    """What is shared, what is ready to be looked at, and what else could go; a POST has copies made."""
    form = ChooseFilesForm()
    _, to_choose = _files_of(onward_referral_id)
    form.offer(to_choose)
    if form.validate_on_submit():
        with save_or_refuse(form, then=_url(onward_referral_id)):
            onward_referrals.copy_files_for_provider(
                form.command(), onward_referral_id, attachment_ids=_read_ids(form.files.data or ())
            )
            flash_success("The copies are being made. Look at them, then share them.")
            return redirect(_url(onward_referral_id))
    return _page(onward_referral_id, form, choosing=form)


@bp.post("/onward-referrals/<uuid:onward_referral_id>/files/share")
@requires(Permission.EDIT_CASEWORK)
def share_files(onward_referral_id: UUID) -> ResponseReturnValue:
    """Give the provider the copies that the page showed."""
    form = ShareFilesForm()
    if form.validate_on_submit():
        with save_or_refuse(form, then=_url(onward_referral_id)):
            onward_referrals.share_files(
                form.command(),
                onward_referral_id,
                shared_file_ids=_read_ids((form.shown.data or "").split()),
                agreed=bool(form.agreed.data),
            )
            flash_success("The files are shared. The provider can open them once they have accepted.")
            return redirect(_url(onward_referral_id))
    return _page(onward_referral_id, form, sharing=form)


@bp.post("/onward-referrals/<uuid:onward_referral_id>/files/<uuid:shared_file_id>/take-back")
@requires(Permission.EDIT_CASEWORK)
def take_back_file(onward_referral_id: UUID, shared_file_id: UUID) -> ResponseReturnValue:
    """Take one file out; the provider can't open it any more."""
    form = TakeBackFileForm()
    if form.validate_on_submit():
        with save_or_refuse(form, then=_url(onward_referral_id)):
            onward_referrals.take_back_file(form.command(), onward_referral_id, shared_file_id=shared_file_id)
            flash_success("The file was taken out. The provider can't open it any more.")
            return redirect(_url(onward_referral_id))
    if form.refusal is not None:
        raise form.refusal
    return redirect(_url(onward_referral_id))


@bp.get("/onward-referrals/<uuid:onward_referral_id>/files/<uuid:shared_file_id>/content")
@requires(Permission.EDIT_CASEWORK)
def file_for_provider(onward_referral_id: UUID, shared_file_id: UUID) -> Response:
    """Exactly what the provider gets, for the caseworker to look at; audited."""
    return _send_copy(onward_referral_id, shared_file_id)


@bp.get("/onward-referrals/<uuid:onward_referral_id>/documents/<uuid:shared_file_id>")
@requires(Permission.VIEW_INBOX)
def shared_document(onward_referral_id: UUID, shared_file_id: UUID) -> Response:
    """A copy, for the provider who has accepted; each opening is audited."""
    return _send_copy(onward_referral_id, shared_file_id)


def _send_copy(onward_referral_id: UUID, shared_file_id: UUID) -> Response:
    fetched = onward_referrals.fetch_shared_copy(onward_referral_id, shared_file_id, actor=signed_in_actor())
    return Response(
        fetched.content,
        mimetype=fetched.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{fetched.file_name}"',
            "Content-Security-Policy": _NOTHING_RUNS,
        },
    )


def _read_ids(values: Sequence[str]) -> list[UUID]:
    """The files that were sent; where one can't be read, none of them."""
    try:
        return [UUID(value) for value in values]
    except ValueError:
        return []


def _files_of(onward_referral_id: UUID) -> tuple[tuple[CopyForProvider, ...], tuple[FileToChoose, ...]]:
    with transaction(signed_in_actor()) as session:
        if session.get(OnwardReferral, onward_referral_id) is None:
            raise NotFound
        return copies_for_provider(session, onward_referral_id)


def _page(
    onward_referral_id: UUID,
    form: BaseForm,
    *,
    choosing: ChooseFilesForm | None = None,
    sharing: ShareFilesForm | None = None,
) -> ResponseReturnValue:
    found = onward_referral_of(onward_referral_id)
    on = times.london_date(times.now())
    with transaction(signed_in_actor()) as session:
        copies, to_choose = copies_for_provider(session, onward_referral_id)
        basis = sharing_basis(session, session.get_one(OnwardReferral, onward_referral_id), on)
        by_link = is_only_by_link(session, found.service_id)
    choosing = choosing or ChooseFilesForm(formdata=None)
    choosing.offer(to_choose)
    sharing = sharing or ShareFilesForm(formdata=None)
    by_state = {state: [copy for copy in copies if copy.state is state] for state in SharedFileState}
    ready = by_state[SharedFileState.READY]
    sharing.shown.data = " ".join(str(copy.shared_file_id) for copy in ready)
    sharing.version.data = choosing.version.data = found.version
    asks_yes = isinstance(basis, RecordedConsent)
    return render_form(
        "onward_referrals/files.html",
        form,
        version=found.version,
        found=found,
        choosing=choosing,
        sharing=sharing,
        ready=ready,
        making=by_state[SharedFileState.WAITING],
        refused=by_state[SharedFileState.REFUSED],
        shared=by_state[SharedFileState.SHARED],
        to_choose=to_choose,
        asks_yes=asks_yes,
        by_link=by_link,
        hindrance=_hindrance(found.state in LIVE_ONWARD_STATES, basis, by_link=by_link),
    )


def _hindrance(is_live: bool, basis: object, *, by_link: bool) -> str | None:
    """Why no file can go, as a sentence."""
    if not is_live:
        return "This onward referral has ended, so nothing can be shared with it."
    if by_link:
        return NO_FILES_BY_LINK
    if basis is None:
        return "The person's yes to sharing is not in force, so no file can go."
    if isinstance(basis, RecordedConsent) and parts_beyond_scope((HandoverPart.FILES,), basis.scope):
        return "The person's yes does not reach files. Ask them, and record a new answer first."
    return None


def _url(onward_referral_id: UUID) -> str:
    return url_for("onward_referrals.files", onward_referral_id=onward_referral_id)
