"""The provider's pages: the inbox, one onward referral, and what they answer and record."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.onward_referrals.blueprint import bp
from victim_gateway.blueprints.onward_referrals.common import onward_referral_of, url_after_end
from victim_gateway.blueprints.onward_referrals.forms import (
    AcknowledgeForm,
    DeclineForm,
    FirstContactForm,
    MessageForm,
    RequestInformationForm,
)
from victim_gateway.blueprints.onward_referrals.presenters import PROVIDER_STATES, notice_line
from victim_gateway.blueprints.onward_referrals.provider_page import (
    STATE_OF_CHOICE,
    AnswerChoice,
    render_provider_page,
)
from victim_gateway.blueprints.onward_referrals.record_forms import (
    AcceptForm,
    InboxFilterForm,
    inbox_workers,
)
from victim_gateway.blueprints.onward_referrals.record_presenter import harm_texts, mark_line
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound, TransitionNotAllowed
from victim_gateway.queries.onward_referrals.detail import OnwardReferralView, onward_referral_view
from victim_gateway.queries.onward_referrals.inbox import InboxPlace, InboxReader, provider_inbox
from victim_gateway.queries.onward_referrals.inbox_order import read_inbox_position
from victim_gateway.queries.onward_referrals.own_referrals import own_services
from victim_gateway.queries.onward_referrals.provider_notices import find_notice, note_notices_read
from victim_gateway.queries.onward_referrals.provider_workers import workers_with_access
from victim_gateway.rules.provider_inbox import InboxSection
from victim_gateway.rules.provider_notices import CORRECTIONS, ENDINGS, describe_planned_contact
from victim_gateway.rules.transitions import ONWARD_TRANSITIONS
from victim_gateway.services import onward_referrals
from victim_gateway.services.referrals import notes
from victim_gateway.vocabulary import DeclineReason, OnwardState
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import BaseForm, render_form, save_or_refuse
from victim_gateway.web.list_pages import PAGE_SIZE, first_page_url, is_beside_the_list, paging_of
from victim_gateway.web.permissions import opens_by_link, requires, works_by_link
from victim_gateway.web.sessions import signed_in_actor

NOT_NOW = "This can't be done any more, or not yet. Open the referral to see how it stands."
TITLES = {
    InboxSection.ANSWER: "Waiting for your answer",
    InboxSection.CONTACT: "Waiting for your first contact",
    InboxSection.SUPPORT: "Being supported",
}
# Why a list is empty, and what would fill it.
EMPTY = {
    InboxSection.ANSWER: (
        "Nothing waits for your answer",
        "When the Gateway refers somebody on to you, it appears here and you have a set time to answer.",
    ),
    InboxSection.CONTACT: (
        "Nobody waits for your first contact",
        "When you accept somebody, they appear here until you record that you have spoken to them.",
    ),
    InboxSection.SUPPORT: (
        "Nobody is being supported at the moment",
        "When you record the first contact with somebody, they appear here until you close with an outcome.",
    ),
}


@bp.get("/inbox", endpoint="inbox")
@requires(Permission.VIEW_INBOX)
def inbox_home() -> ResponseReturnValue:
    """What needs an answer, what is waiting: the first of each, most urgent first."""
    return _inbox(tuple(InboxSection))


@bp.get("/inbox/<any(answer, contact, support):name>")
@requires(Permission.VIEW_INBOX)
def section(name: str) -> ResponseReturnValue:
    """One part of the inbox, whole, page by page."""
    return _inbox((InboxSection(name),))


def _inbox(sections: tuple[InboxSection, ...]) -> ResponseReturnValue:
    actor, now = signed_in_actor(), times.now()
    reader = InboxReader(actor.user_id, actor.organisation_id, now)
    alone = len(sections) == 1
    before, after = (
        read_inbox_position(request.args.get(name, "")) if alone else None for name in ("before", "after")
    )
    place = InboxPlace(after or before, is_before=after is None and before is not None)
    with transaction(actor) as session:
        workers = workers_with_access(session, actor.organisation_id)
        filters = InboxFilterForm(choices={"worker": inbox_workers(workers)})
        found = provider_inbox(
            session,
            reader,
            sections=sections,
            limit=PAGE_SIZE,
            chosen=filters.chosen(actor.user_id),
            place=place,
        )
        # Nothing to see is not nothing to do: who was given no service is told so.
        lacks_services = not any(part.total for part in found.parts) and not own_services(session)
    first = found.parts[0]
    if is_beside_the_list(
        place.position, is_before=place.is_before, before=first.before, shown=len(first.entries)
    ):
        return redirect(first_page_url())
    return render_template(
        "onward_referrals/inbox.html",
        found=found,
        filters=filters,
        is_narrowed=bool(filters.filter_chips()),
        titles=TITLES,
        empty_texts=EMPTY,
        alone=alone,
        lacks_services=lacks_services,
        page_title=TITLES[sections[0]] if alone else "Inbox",
        paging=paging_of(first.before, first.after, len(first.entries), first.total) if alone else None,
        page_size=PAGE_SIZE,
        notice_line=notice_line,
        mark_line=mark_line,
        harm_texts=harm_texts,
        planned_contact=describe_planned_contact(current_settings().area.telephone),
        today=reader.today,
        now=now,
        state_labels=PROVIDER_STATES,
    )


@bp.get("/onward-referrals/<uuid:onward_referral_id>")
@requires(Permission.VIEW_INBOX)
@opens_by_link
def detail(onward_referral_id: UUID) -> ResponseReturnValue:
    """Can we help, and is it safe? And later: what have we done?"""
    found = onward_referral_of(onward_referral_id)
    _note_read(found)
    return render_provider_page(found)


@bp.post("/onward-referrals/<uuid:onward_referral_id>/contact")
@requires(Permission.VIEW_INBOX)
@opens_by_link
def show_contact(onward_referral_id: UUID) -> ResponseReturnValue:
    """The same page with numbers, addresses and the code word. A POST, as showing them is audited."""
    actor = signed_in_actor()
    with transaction(actor) as session:
        found = onward_referral_view(
            session, onward_referral_id, reader_organisation_id=actor.organisation_id, at=times.now()
        )
        record_audit(
            session,
            "onward_referral.contact_shown",
            subject_type="onward_referral",
            subject_id=found.id,
            reference=found.reference,
        )
    return render_provider_page(found, shown=True)


def _note_read(found: OnwardReferralView) -> None:
    """What stands on the page has been read by opening it; kept as the audit keeps who saw what.

    Not a correction: that it was read is said with a button.
    """
    unread = [
        notice.notice_id
        for notice in found.notices
        if notice.read_at is None and notice.kind not in CORRECTIONS
    ]
    if unread:
        actor = signed_in_actor()
        with transaction(actor) as session:
            note_notices_read(session, unread, actor=actor, at=times.now())


@bp.post("/inbox/ended/<uuid:notice_id>/read")
@requires(Permission.VIEW_INBOX)
def mark_ending_read(notice_id: UUID) -> ResponseReturnValue:
    """Say that an ending was read: the referral itself can't be opened any more."""
    actor = signed_in_actor()
    with transaction(actor) as session:
        notice = find_notice(session, notice_id)
        # A correction is read on its own page, beside what it changed.
        if notice.kind not in ENDINGS:
            raise NotFound
        note_notices_read(session, [notice.notice_id], actor=actor, at=times.now())
    flash_success(f"{notice.reference} is marked as read")
    return redirect(url_for("onward_referrals.inbox"))


@bp.post("/onward-referrals/<uuid:onward_referral_id>/seen")
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
@opens_by_link
def acknowledge(onward_referral_id: UUID) -> ResponseReturnValue:
    """Say that it was seen."""
    form, after = AcknowledgeForm(), _url(onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.acknowledge_offer(form.command(), onward_referral_id)
            flash_success("The Gateway knows that you have seen this. It still waits for your answer.")
            return redirect(after)
    if form.refusal is not None:
        raise form.refusal
    return redirect(after)


@bp.route("/onward-referrals/<uuid:onward_referral_id>/accept", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
@opens_by_link
def accept(onward_referral_id: UUID) -> ResponseReturnValue:
    """Take the person on, and say who has them; what is refused comes back on the referral's own page."""
    actor, after = signed_in_actor(), _url(onward_referral_id)
    with transaction(actor) as session:
        form = AcceptForm(workers_with_access(session, actor.organisation_id))
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.accept_onward_referral(
                form.command(),
                onward_referral_id,
                first_contact_planned_on=form.first_contact_planned_on.data,
                worker_id=form.worker_id,
            )
            link = (
                "Record the first contact",
                url_for("onward_referrals.first_contact", onward_referral_id=onward_referral_id),
            )
            flash_success("You have accepted this referral. The caseworker knows.", link=link)
            return redirect(after)
    return _answer_page(onward_referral_id, AnswerChoice.ACCEPT, form)


@bp.route("/onward-referrals/<uuid:onward_referral_id>/ask", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
@opens_by_link
def ask(onward_referral_id: UUID) -> ResponseReturnValue:
    """Ask the Gateway before answering."""
    form, after = RequestInformationForm(), _url(onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.request_information(
                form.command(), onward_referral_id, text=form.question.data or ""
            )
            flash_success(
                "Your question was sent to the caseworker.",
                link=None if works_by_link() else ("Go to your inbox", url_for("onward_referrals.inbox")),
            )
            return redirect(after)
    return _answer_page(onward_referral_id, AnswerChoice.ASK, form)


@bp.route("/onward-referrals/<uuid:onward_referral_id>/decline", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
@opens_by_link
def decline(onward_referral_id: UUID) -> ResponseReturnValue:
    """Say no, with a reason."""
    form, after = DeclineForm(), url_after_end()
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.decline_onward_referral(
                form.command(),
                onward_referral_id,
                reason=DeclineReason(form.reason.data),
                text=form.reason_text.data,
            )
            flash_success("You have declined. The caseworker knows, and you no longer see this referral.")
            return redirect(after)
    return _answer_page(onward_referral_id, AnswerChoice.DECLINE, form)


@bp.route("/onward-referrals/<uuid:onward_referral_id>/first-contact", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
@opens_by_link
def first_contact(onward_referral_id: UUID) -> ResponseReturnValue:
    """Record that the person was reached."""
    form, after = FirstContactForm(), _url(onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            wall = datetime.combine(form.contacted_on.data, form.contacted_at.data)
            onward_referrals.record_provider_first_contact(
                form.command(),
                onward_referral_id,
                contacted_at=times.from_london_wall(wall),
                text=form.remarks.data,
                although_unsafe=bool(form.although_unsafe.data),
                unsafe_reason=form.unsafe_reason.data,
            )
            flash_success("First contact recorded. The caseworker sees it on the timeline.")
            return redirect(after)
    return _page("onward_referrals/first_contact.html", form, onward_referral_id, OnwardState.IN_SERVICE)


@bp.route("/onward-referrals/<uuid:onward_referral_id>/message", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
@opens_by_link
def message(onward_referral_id: UUID) -> ResponseReturnValue:
    """Write to the caseworker."""
    form, after = MessageForm(), _url(onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            note = notes.NewNote(subject=form.subject.data or "", body=form.body.data or "")
            notes.write_provider_note(form.command(), onward_referral_id, note)
            flash_success("Your message was sent to the caseworker.")
            return redirect(after)
    found = onward_referral_of(onward_referral_id)
    return render_form("onward_referrals/message.html", form, version=found.version, found=found)


def _answer_page(onward_referral_id: UUID, choice: AnswerChoice, form: BaseForm) -> ResponseReturnValue:
    """The referral's own page with one answer open; at an address of its own for those who kept it."""
    found = onward_referral_of(onward_referral_id)
    if request.method != "GET":
        return render_provider_page(found, choice=choice, sent=form)
    if STATE_OF_CHOICE[choice] not in ONWARD_TRANSITIONS[found.state]:
        raise TransitionNotAllowed(NOT_NOW)
    return render_provider_page(found, choice=choice)


def _page(template: str, form: BaseForm, onward_referral_id: UUID, state: OnwardState) -> ResponseReturnValue:
    """A form's page; opened where the step can't be taken, it says so instead."""
    found = onward_referral_of(onward_referral_id)
    if request.method == "GET" and state not in ONWARD_TRANSITIONS[found.state]:
        raise TransitionNotAllowed(NOT_NOW)
    return render_form(template, form, version=found.version, found=found)


def _url(onward_referral_id: UUID) -> str:
    return url_for("onward_referrals.detail", onward_referral_id=onward_referral_id)
