"""The caseworker's side of one onward referral: what was shared, how it stands, what they decide."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.onward_referrals.blueprint import bp
from victim_gateway.blueprints.onward_referrals.common import onward_referral_of
from victim_gateway.blueprints.onward_referrals.forms import (
    AnswerForm,
    ContactLinkForm,
    DeclineDecisionForm,
    MessageForm,
    ShareAgainForm,
    WithdrawOnwardForm,
)
from victim_gateway.blueprints.onward_referrals.group_forms import OfferGroupForm
from victim_gateway.blueprints.onward_referrals.kind_presenter import kind_panel
from victim_gateway.blueprints.onward_referrals.presenters import (
    AFTER_DECLINE,
    amendment_line,
    changed_line,
    next_for_gateway,
    notice_line,
    safe_panel,
    timeline_entries,
)
from victim_gateway.blueprints.onward_referrals.record_presenter import need_lines
from victim_gateway.blueprints.onward_referrals.typed_fields import read_row_ids
from victim_gateway.database.kept_wordings import current_area
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.offer_vocabulary import DeclineConsequence
from victim_gateway.queries.onward_referrals.contact_links import links_of_case
from victim_gateway.queries.onward_referrals.decline_rules import decline_rule_of
from victim_gateway.queries.onward_referrals.detail import OnwardReferralView
from victim_gateway.queries.onward_referrals.eligibility import service_title
from victim_gateway.queries.onward_referrals.offer_groups import group_of_onward_referral
from victim_gateway.queries.onward_referrals.outdated_handover import (
    earlier_handovers,
    handover_amendments,
    outdated_fields,
)
from victim_gateway.queries.onward_referrals.service_records import service_record, unread_note_ids
from victim_gateway.queries.onward_referrals.shared_files import shared_documents
from victim_gateway.rules.decline_consequences import CONSEQUENCE_PHRASES
from victim_gateway.rules.handover_changes import handover_field_label
from victim_gateway.rules.service_records import handover_needs
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES, UNANSWERED_ONWARD_STATES, withdraw_reasons
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals.progress import ATTEMPTED
from victim_gateway.services.referrals import notes
from victim_gateway.vocabulary import DeclineReason, OnwardState, WithdrawReason
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor


@bp.get("/onward-referrals/<uuid:onward_referral_id>/overview")
@requires(Permission.VIEW_REFERRAL)
def overview(onward_referral_id: UUID) -> ResponseReturnValue:
    """Exactly what the provider was told, and how it stands."""
    return show_overview(onward_referral_id, ContactLinkForm(formdata=None))


def show_overview(onward_referral_id: UUID, link_form: ContactLinkForm) -> ResponseReturnValue:
    """The page, with the form of the link as it was sent where that was refused."""
    found = onward_referral_of(onward_referral_id)
    with transaction(signed_in_actor()) as session:
        outdated = outdated_fields(session, onward_referral_id) if found.state in LIVE_ONWARD_STATES else ()
        earlier = earlier_handovers(session, onward_referral_id)
        amendments = handover_amendments(session, onward_referral_id) if earlier else ()
        group_id = group_of_onward_referral(session, onward_referral_id)
        proposed = service_title(session, found.proposed_service_id)
        documents = shared_documents(session, onward_referral_id) if found.state in LIVE_ONWARD_STATES else ()
        record = service_record(session, onward_referral_id, is_provider=False) if found.answered_at else None
        unread = unread_note_ids(session, onward_referral_id) if record and record.notes else frozenset()
        links = links_of_case(session, onward_referral_id)
    return render_form(
        "onward_referrals/overview.html",
        link_form,
        found=found,
        record=record,
        unread=unread,
        kind_panel=kind_panel(found, record),
        links=links,
        link_form=link_form,
        attempts=sum(entry.event == ATTEMPTED for entry in found.timeline),
        needs=need_lines(handover_needs(found.handover), record.needs, dict(current_area().needs.steps))
        if record
        else [],
        now=times.now(),
        panel=safe_panel(found.safe_contact, times.london_date(times.now()), shown=False),
        upcoming=next_for_gateway(found),
        entries=timeline_entries(found.timeline),
        notices=[notice_line(notice) for notice in found.notices],
        outdated=[handover_field_label(change.field) for change in outdated],
        earlier=earlier,
        amendments=[amendment_line(each) for each in amendments],
        group_id=group_id,
        proposed=proposed,
        documents=documents,
        field_label=handover_field_label,
        is_live=found.state in LIVE_ONWARD_STATES,
        may_answer=found.state is OnwardState.INFORMATION_REQUESTED,
        may_decide=_undecided(found),
        referral_url=referral_url(found.referral_id),
    )


@bp.route("/onward-referrals/<uuid:onward_referral_id>/answer", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def answer(onward_referral_id: UUID) -> ResponseReturnValue:
    """Answer the provider's question."""
    form, after = AnswerForm(), _url(onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.answer_request(form.command(), onward_referral_id, text=form.answer.data or "")
            flash_success("Your answer was sent. It is the provider's turn again.")
            return redirect(after)
    found = onward_referral_of(onward_referral_id)
    if request.method == "GET" and found.state is not OnwardState.INFORMATION_REQUESTED:
        raise TransitionNotAllowed("There is no question to answer: it was answered or taken back already.")
    return render_form("onward_referrals/answer.html", form, version=found.version, found=found)


@bp.route("/onward-referrals/<uuid:onward_referral_id>/decline-decision", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def decline_decision(onward_referral_id: UUID) -> ResponseReturnValue:
    """Agree with the decline, or offer the same again."""
    form, after = DeclineDecisionForm(), _url(onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            _decide(form, onward_referral_id)
            return redirect(after)
    found = onward_referral_of(onward_referral_id)
    if request.method == "GET" and not _undecided(found):
        raise TransitionNotAllowed("There is no decline to decide about: it was decided already.")
    with transaction(signed_in_actor()) as session:
        rule = decline_rule_of(session, found.decline_reason or DeclineReason.OTHER)
        proposed = service_title(session, found.proposed_service_id)
    if not form.is_submitted():
        form.consequence.data = rule.consequence.value
    return render_form(
        "onward_referrals/decline_decision.html",
        form,
        version=found.version,
        found=found,
        proposed=proposed,
        usual=CONSEQUENCE_PHRASES[rule.consequence],
        advice=AFTER_DECLINE[found.decline_reason or DeclineReason.OTHER],
        said=next(
            (entry.text for entry in found.timeline if entry.event == "onward_referral.declined"), None
        ),
    )


def _decide(form: DeclineDecisionForm, onward_referral_id: UUID) -> None:
    if form.decision.data == "overturn":
        onward_referrals.overturn_decline(
            form.command(), onward_referral_id, text=form.reason_text.data or ""
        )
        flash_success("It was offered to the provider again.")
        return
    chosen = form.consequence.data
    onward_referrals.confirm_decline(
        form.command(),
        onward_referral_id,
        text=form.reason_text.data,
        consequence=DeclineConsequence(chosen) if chosen else None,
    )
    referral_id = onward_referral_of(onward_referral_id).referral_id
    link = ("Refer them on to another service", url_for("onward_referrals.refer_on", referral_id=referral_id))
    with transaction(signed_in_actor()) as session:
        group_id = group_of_onward_referral(session, onward_referral_id)
    if group_id is not None:
        link = ("See who is asked next", url_for("onward_referrals.offer_group", group_id=group_id))
    flash_success("You agreed with the decline.", link=link)


@bp.route("/onward-referrals/<uuid:onward_referral_id>/withdraw", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def withdraw(onward_referral_id: UUID) -> ResponseReturnValue:
    """Take it back."""
    form, after = WithdrawOnwardForm(), _url(onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.withdraw_onward_referral(
                form.command(),
                onward_referral_id,
                reason=WithdrawReason(form.reason.data),
                text=form.reason_text.data,
            )
            flash_success("It was taken back. The provider no longer sees it.")
            return redirect(after)
    found = onward_referral_of(onward_referral_id)
    reasons = withdraw_reasons(found.state)
    if request.method == "GET" and not reasons:
        raise TransitionNotAllowed("This onward referral has ended: there is nothing to take back.")
    accepted = found.state not in UNANSWERED_ONWARD_STATES
    form.offer(reasons or tuple(WithdrawReason), accepted=accepted)
    return render_form(
        "onward_referrals/withdraw.html",
        form,
        version=found.version,
        found=found,
        accepted=accepted,
        group_headings=form.headings(reasons or tuple(WithdrawReason)),
    )


@bp.route("/onward-referrals/<uuid:onward_referral_id>/write", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def write(onward_referral_id: UUID) -> ResponseReturnValue:
    """Write to the provider."""
    form, after = MessageForm(), _url(onward_referral_id)
    found = onward_referral_of(onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            notes.write_note(
                form.command(),
                found.referral_id,
                notes.NewNote(subject=form.subject.data or "", body=form.body.data or ""),
                onward_referral_id=onward_referral_id,
            )
            flash_success("Your message was sent to the provider.")
            return redirect(after)
    if request.method == "GET" and found.state not in LIVE_ONWARD_STATES:
        raise TransitionNotAllowed("This onward referral has ended: nobody would read the message.")
    return render_form("onward_referrals/write.html", form, version=found.version, found=found)


@bp.route("/onward-referrals/<uuid:onward_referral_id>/share-again", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def share_again(onward_referral_id: UUID) -> ResponseReturnValue:
    """What the provider has beside what is recorded now; one button shares it."""
    form, after = ShareAgainForm(), _url(onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.share_again(
                form.command(),
                onward_referral_id,
                onward_referrals.Amendment(
                    form.reason_text.data or "", frozenset(form.fields_chosen.data or ())
                ),
            )
            flash_success("It was shared again. The provider is told at once.")
            return redirect(after)
    found = onward_referral_of(onward_referral_id)
    if request.method == "GET" and found.state not in LIVE_ONWARD_STATES:
        raise TransitionNotAllowed("This onward referral has ended: nothing can be shared with it.")
    with transaction(signed_in_actor()) as session:
        changes = outdated_fields(session, onward_referral_id)
    form.offer(changes)
    return render_form(
        "onward_referrals/share_again.html",
        form,
        version=found.version,
        found=found,
        lines=[changed_line(change) for change in changes],
    )


@bp.post("/onward-referrals/<uuid:onward_referral_id>/notes-read")
@requires(Permission.EDIT_CASEWORK)
def notes_read(onward_referral_id: UUID) -> ResponseReturnValue:
    """The notes of the page were read."""
    form, after = OfferGroupForm(), f"{_url(onward_referral_id)}#notes"
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            shown = read_row_ids(request.form.getlist("note"))
            onward_referrals.read_progress_notes(form.command(), onward_referral_id, note_ids=shown)
            flash_success("The provider sees that you have read it.")
            return redirect(after)
    if form.refusal is not None:
        raise form.refusal
    return redirect(after)


def referral_url(referral_id: UUID) -> str:
    """Where the referral's onward referrals are listed."""
    return url_for("referrals.onward_referrals", referral_id=referral_id)


def _undecided(found: OnwardReferralView) -> bool:
    return found.state is OnwardState.DECLINED and not found.is_decline_decided


def _url(onward_referral_id: UUID) -> str:
    return url_for("onward_referrals.overview", onward_referral_id=onward_referral_id)
