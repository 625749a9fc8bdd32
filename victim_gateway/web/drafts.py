"""Drafts of long forms on their pages: kept by a script, by a button and at every send, and opened again.

A view marked with `@drafted` shows a `DraftedForm`. Before the view runs, what a POST holds is kept as a draft of the
person signed in, so that a refusal, a failure or a lost connection loses nothing; the save for good deletes the
draft in its own transaction (`services/shared/submissions.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID, uuid4

from flask import Flask, current_app, g, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.datastructures import MultiDict
from wtforms import Field
from wtforms.widgets import HiddenInput

from victim_gateway import times
from victim_gateway.access.permissions import is_permitted
from victim_gateway.database.transaction import leave_transaction_open, transaction
from victim_gateway.errors import GatewayError, NotFound
from victim_gateway.queries.referrals.drafts import DraftLine, drafts_of_form, open_draft
from victim_gateway.rules.drafts import Answers, DraftPlace, kept_answers
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.drafts import DraftPage, KeptDraft, keep_draft
from victim_gateway.vocabulary import DraftKind
from victim_gateway.web import flashes
from victim_gateway.web.filters import clock_time
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.permissions import SIGN_IN, permission_of
from victim_gateway.web.sessions import lapsed_actor, signed_in_actor

# Sent by the script that keeps a form while it is typed.
AUTOSAVE_HEADER = "X-Draft"
PUT_ASIDE = "put_aside"
WORK = "work_queue.home"
FORM_OF = {
    DraftKind.REFERRAL: "record_referral.form",
    DraftKind.ASSESSMENT: "referrals.assess",
    DraftKind.OFFER: "onward_referrals.share",
    DraftKind.CLOSING: "referrals.close",
    DraftKind.SAFE_CONTACT: "referrals.safe_contact",
    DraftKind.ATTEMPT: "referrals.log_attempt",
    DraftKind.NOTE: "referrals.notes",
    DraftKind.CORRECTION: "referrals.correct",
    DraftKind.HOLD: "referrals.hold",
}
_MARK = "_victim_gateway_draft"
_LAST_REVISION = 2**31 - 1
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class FormDraft:
    """The draft of the form on this page: its name, the number of its next writing, and what it was opened with."""

    draft_id: UUID
    next_revision: int
    saved_at: datetime | None = None
    resumed: Answers | None = None
    problem: str | None = None
    others: tuple[DraftLine, ...] = ()


class _DraftId(Field):
    """The name of the draft. Read where the draft is kept, not by the form."""

    widget = HiddenInput()

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = None


class _DraftRevision(_DraftId):
    """The number of the page's next writing."""


class DraftedForm(BaseForm):
    """A form that is kept as a draft; its view is marked with `@drafted`."""

    class Meta(BaseForm.Meta):
        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            draft = form_draft()
            if draft is not None and draft.resumed is not None and formdata is not None:
                return MultiDict(draft.resumed)
            return super().wrap_formdata(form, formdata)

    draft_id = _DraftId()
    draft_revision = _DraftRevision()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        draft = form_draft()
        if draft is not None:
            self.draft_id.data, self.draft_revision.data = draft.draft_id, draft.next_revision

    @property
    def draft(self) -> FormDraft | None:
        """The draft of the page, for the form's tag."""
        return form_draft()

    @property
    def is_resumed(self) -> bool:
        draft = form_draft()
        return draft is not None and draft.resumed is not None

    @property
    def left_out(self) -> bool:
        """Whether the draft holds answers that the form no longer asks for or offers."""
        draft = form_draft()
        if draft is None or draft.resumed is None:
            return False
        names = {field.name for field in self}
        unasked = any(name.partition("-")[0] not in names for name, value in draft.resumed if value)
        return unasked or any(_is_not_offered(field) for field in self)

    def command(self, at: datetime | None = None) -> Command:
        return replace(super().command(at), draft_id=self.draft_id.data)


def _is_not_offered(field: Field) -> bool:
    choices = getattr(field, "choices", None)
    if not choices or not field.data:
        return False
    offered = {str(choice.value if hasattr(choice, "value") else choice[0]) for choice in choices}
    chosen = field.data if isinstance(field.data, list | tuple) else [field.data]
    return any(str(value) not in offered for value in chosen)


def form_draft() -> FormDraft | None:
    """The draft of this request's form; None on a page that keeps none."""
    draft: FormDraft | None = g.get("form_draft")
    return draft


def drafted(kind: DraftKind) -> Callable[[View], View]:
    """Mark a view whose form is kept as a draft. Stands under `@requires`."""

    def mark(view: View) -> View:
        @wraps(view)
        def with_draft(**parts: Any) -> ResponseReturnValue:
            answer = _before_view(_place(kind))
            result: ResponseReturnValue = view(**parts) if answer is None else answer
            return result

        setattr(with_draft, _MARK, kind)
        return with_draft  # type: ignore[return-value]

    return mark


def register_drafts(app: Flask) -> None:
    """Keep what a page holds whose session ran out, before the sign-in is asked for."""

    app.add_template_global(draft_url)

    @app.before_request
    def keep_before_sign_in() -> ResponseReturnValue | None:
        kind = getattr(current_app.view_functions.get(request.endpoint or ""), _MARK, None)
        if kind is None or request.method != "POST" or current_user.is_authenticated:
            return None
        return _after_session(_place(kind))


def draft_url(line: DraftLine) -> str:
    """Where a draft is gone on with: its form, opened with it."""
    place = line.place
    parts: dict[str, Any] = {"referral_id": place.referral_id, "service_id": place.service_id}
    given = {name: value for name, value in parts.items() if value is not None}
    return url_for(FORM_OF[place.kind], **given, person=place.person_id, draft=line.draft_id)


def _place(kind: DraftKind) -> DraftPlace:
    parts = request.view_args or {}
    return DraftPlace(
        kind, parts.get("referral_id"), parts.get("service_id"), request.args.get("person", type=UUID)
    )


def _before_view(place: DraftPlace) -> ResponseReturnValue | None:
    if request.method != "POST":
        return _open_page(place)
    page = _page_sent()
    is_autosave, is_put_aside = AUTOSAVE_HEADER in request.headers, PUT_ASIDE in request.form
    g.form_draft = FormDraft(page.draft_id, page.revision)
    if "draft_id" not in request.form and not (is_autosave or is_put_aside):
        # Sent from another page, before anything was typed into this form.
        return None
    try:
        kept = keep_draft(signed_in_actor(), page, place, _answers(), at=times.now())
    except GatewayError as error:
        if is_autosave:
            return {"message": error.message}, error.status
        if is_put_aside:
            raise
        # What can't be kept can still be sent; and what is not there the view says itself.
        return None
    if is_autosave:
        return jsonify(_autosave_answer(kept))
    if is_put_aside:
        if kept is not None:
            flashes.flash_put_aside()
        return redirect(url_for(WORK, _anchor="drafts"))
    if kept is not None:
        g.form_draft = FormDraft(kept.draft_id, kept.revision + 1, kept.saved_at)
    return None


def _open_page(place: DraftPlace) -> ResponseReturnValue | None:
    asked = "draft" in request.args
    draft_id = request.args.get("draft", type=UUID)
    actor = signed_in_actor()
    with transaction(actor) as session:
        if draft_id is not None:
            try:
                opened = open_draft(session, actor, draft_id, place)
            except NotFound:
                draft_id = None
            else:
                g.form_draft = FormDraft(
                    draft_id,
                    opened.line.revision + 1,
                    opened.line.saved_at,
                    opened.answers,
                    opened.line.standing.describe(),
                )
                return None
        if asked:
            flashes.flash_draft_gone()
            return redirect(url_for(WORK))
        g.form_draft = FormDraft(uuid4(), 1, others=drafts_of_form(session, actor, place))
        # The view's own reading goes on in the same transaction.
        leave_transaction_open(session)
    return None


def _after_session(place: DraftPlace) -> ResponseReturnValue:
    """Keep what was typed for the account whose session ran out, and for no other; then the way to sign in.

    Only time may have ended the session: one that was signed out or taken away keeps nothing.
    """
    kept = _kept_after_session(place)
    address = _address_of_form(kept.draft_id if kept else None)
    query = urlencode({"next": address, "lapsed": "kept" if kept else "yes"})
    sign_in = f"{SIGN_IN}?{query}"
    if AUTOSAVE_HEADER not in request.headers:
        return redirect(sign_in)
    message = (
        "You were signed out. What you typed is kept."
        if kept
        else "You were signed out. What you type now is not kept."
    )
    answer = {"message": message, "sign_in": sign_in}
    if kept is not None:
        answer |= _numbers(kept)
    return answer, HTTPStatus.UNAUTHORIZED


def _kept_after_session(place: DraftPlace) -> KeptDraft | None:
    actor = lapsed_actor()
    permission = permission_of(current_app, request.endpoint or "")
    if actor is None or permission is None or not is_permitted(actor.role, permission):
        return None
    try:
        return keep_draft(actor, _page_sent(), place, _answers(), at=times.now(), after_session=True)
    except GatewayError:
        # Somebody who is not signed in is told nothing about what is there.
        return None


def _address_of_form(draft_id: UUID | None) -> str:
    query = {name: value for name, value in request.args.items() if name != "draft"}
    if draft_id is not None:
        query["draft"] = str(draft_id)
    return f"{request.path}?{urlencode(query)}" if query else request.path


def _page_sent() -> DraftPage:
    """The page that sends. What is absent or unreadable is a page that nobody knows yet."""
    return DraftPage(
        draft_id=request.form.get("draft_id", type=UUID) or uuid4(),
        revision=min(max(request.form.get("draft_revision", 1, type=int), 1), _LAST_REVISION),
        page_id=request.form.get("submission_id", type=UUID) or uuid4(),
    )


def _answers() -> Answers:
    return kept_answers(request.form.items(multi=True))


def _autosave_answer(kept: KeptDraft | None) -> dict[str, Any]:
    if kept is None:
        return {"message": "This was sent already."}
    apart = ", apart from what another page of yours had kept" if kept.is_apart else ""
    return {"message": f"Saved at {clock_time(kept.saved_at)}{apart}", **_numbers(kept)}


def _numbers(kept: KeptDraft) -> dict[str, Any]:
    return {"draft_id": str(kept.draft_id), "draft_revision": kept.revision + 1}
