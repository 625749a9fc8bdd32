"""Routes of a person's page, their links, and records that are one person."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.people.person_forms import (
    EndLinkForm,
    LinkForm,
    MergeForm,
    OtherPersonForm,
    SuspectContactForm,
    TakeBackDistinctionForm,
    TargetingForm,
    UndoMergeForm,
)
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound
from victim_gateway.queries.people.merged_records import kept_record
from victim_gateway.queries.people.proposed_duplicates import proposed_duplicates
from victim_gateway.queries.referrals.person_page import person_page
from victim_gateway.services.referrals import (
    merged_people,
    person_distinctions,
    person_links,
    repeat_judgements,
)
from victim_gateway.services.referrals.merge_preview import preview_merge
from victim_gateway.vocabulary import LinkRole
from victim_gateway.web import flashes
from victim_gateway.web.forms import BaseForm, render_form, save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("person", __name__, template_folder="templates", url_prefix="/people")


@bp.get("/duplicates")
@requires(Permission.SEARCH_PEOPLE)
def duplicates() -> ResponseReturnValue:
    """Records that may be one person, the best match first."""
    with transaction(signed_in_actor()) as session:
        found, has_more = proposed_duplicates(session)
    return render_template("people/duplicates.html", found=found, has_more=has_more)


@bp.get("/<uuid:person_id>")
@requires(Permission.VIEW_REFERRAL)
def overview(person_id: UUID) -> ResponseReturnValue:
    """A person's page; of a record that was merged, the page of the record that was kept."""
    with transaction(signed_in_actor()) as session:
        kept_id = kept_record(session, person_id)
        if kept_id == person_id:
            shown = person_page(session, person_id, at=times.now())
    if kept_id != person_id:
        return redirect(url_for("person.overview", person_id=kept_id))
    return render_template("people/person.html", person=shown, today=times.london_date(times.now()))


@bp.route("/<uuid:person_id>/links/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def new_link(person_id: UUID) -> ResponseReturnValue:
    """Link the person with another one."""
    form, after = LinkForm(), url_for("person.overview", person_id=person_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            person_links.record_link(
                form.command(),
                person_id,
                other_reference=form.other_reference.data or "",
                role=LinkRole(form.role.data),
            )
            flashes.flash_success("The link was recorded")
            return redirect(after)
    return _form_page("people/new_link.html", person_id, form)


@bp.route("/<uuid:person_id>/links/<uuid:link_id>/end", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def end_link(person_id: UUID, link_id: UUID) -> ResponseReturnValue:
    """End a link; it stays in the history."""
    form, after = EndLinkForm(), url_for("person.overview", person_id=person_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            person_links.end_link(form.command(), person_id, link_id, reason=form.reason.data or "")
            flashes.flash_success("The link has ended")
            return redirect(after)
    return _form_page("people/end_link.html", person_id, form, link_id=link_id)


@bp.route("/<uuid:person_id>/suspect-contacts/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def new_suspect_contact(person_id: UUID) -> ResponseReturnValue:
    """Keep a suspect's number or email out of the safe ones."""
    form, after = SuspectContactForm(), url_for("person.overview", person_id=person_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            person_links.record_suspect_contact(
                form.command(),
                person_id,
                phone=form.phone.data or None,
                email=form.email.data or None,
                whose=LinkRole(form.whose.data),
            )
            flashes.flash_success("It will never be used for this person")
            return redirect(after)
    return _form_page("people/new_suspect_contact.html", person_id, form)


@bp.post("/<uuid:person_id>/suspect-contacts/<uuid:contact_id>/end")
@requires(Permission.LOOSEN_PROTECTION)
def end_suspect_contact(person_id: UUID, contact_id: UUID) -> ResponseReturnValue:
    """Let a number count again; somebody has to ask the person before it is safe."""
    form, after = _Button(), url_for("person.overview", person_id=person_id)
    with save_or_refuse(form, then=after):
        person_links.end_suspect_contact(form.command(), person_id, contact_id)
        flashes.flash_success("It is no longer kept as a suspect's. Ask the person before you use it")
    if form.refusal:
        raise form.refusal
    return redirect(after)


@bp.route("/<uuid:person_id>/targeting", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def targeting(person_id: UUID) -> ResponseReturnValue:
    """Judge whether the person is persistently targeted."""
    form, after = TargetingForm(), url_for("person.overview", person_id=person_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            repeat_judgements.record_targeting(
                form.command(),
                person_id,
                is_targeted=form.is_targeted.data == "yes",
                reason=form.reason.data or "",
                review_on=form.review_on.data,
            )
            flashes.flash_success("The judgement was recorded")
            return redirect(after)
    return _form_page("people/targeting.html", person_id, form)


@bp.route("/<uuid:person_id>/merge", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def choose_record(person_id: UUID) -> ResponseReturnValue:
    """Choose the other record of the person."""
    form = OtherPersonForm()
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("person.overview", person_id=person_id)):
            with transaction(signed_in_actor()) as session:
                other_id = person_links.find_person_of_reference(session, form.other_reference.data or "")
            person_links.refuse_same_record(person_id, other_id)
            return redirect(url_for("person.merge", person_id=person_id, other_person_id=other_id))
    return _form_page("people/choose_record.html", person_id, form)


@bp.route("/<uuid:person_id>/merge/<uuid:other_person_id>", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def merge(person_id: UUID, other_person_id: UUID) -> ResponseReturnValue:
    """Two records side by side, what a merge does, and the merge."""
    form, after = MergeForm(), url_for("person.overview", person_id=person_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            merged_people.merge_people(
                form.command(), person_id, other_person_id, reason=form.reason.data or None
            )
            flashes.flash_success("The two records are one person now. Check how to reach them safely")
            return redirect(after)
    actor = signed_in_actor()
    with transaction(actor) as session:
        preview = preview_merge(session, person_id, other_person_id, user_id=actor.user_id)
    return _form_page("people/merge.html", person_id, form, preview=preview)


@bp.route("/<uuid:person_id>/merge/<uuid:other_person_id>/undo", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def undo_merge(person_id: UUID, other_person_id: UUID) -> ResponseReturnValue:
    """Make two people of two records again."""
    form, after = UndoMergeForm(), url_for("person.overview", person_id=person_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            merged_people.undo_merge(
                form.command(), person_id, other_person_id, reason=form.reason.data or ""
            )
            flashes.flash_success("They are two people again, each with what was theirs")
            return redirect(after)
    return _form_page("people/undo_merge.html", person_id, form, other_person_id=other_person_id)


@bp.route("/<uuid:person_id>/distinctions/<uuid:distinction_id>/take-back", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def take_back_distinction(person_id: UUID, distinction_id: UUID) -> ResponseReturnValue:
    """Take back that two records are different people."""
    form, after = TakeBackDistinctionForm(), url_for("person.overview", person_id=person_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            person_distinctions.take_back_distinction(
                form.command(), person_id, distinction_id, reason=form.reason.data or ""
            )
            flashes.flash_success("It was taken back: the two may be proposed as one person again")
            return redirect(after)
    return _form_page("people/take_back_distinction.html", person_id, form, distinction_id=distinction_id)


class _Button(BaseForm):
    is_versioned = False


def _form_page(template: str, person_id: UUID, form: BaseForm, **context: Any) -> ResponseReturnValue:
    """A form about a person, under their name and alerts."""
    page = template.rpartition("/")[2].removesuffix(".html")
    with transaction(signed_in_actor()) as session:
        shown = person_page(session, person_id, at=times.now(), page=page)
    link_id, other_id = context.get("link_id"), context.get("other_person_id")
    distinction_id = context.get("distinction_id")
    if link_id is not None:
        context["link"] = next((link for link in shown.links if link.link_id == link_id), None)
        if context["link"] is None:
            raise NotFound
    if distinction_id is not None:
        of_id = (item for item in shown.distinguished if item.distinction_id == distinction_id)
        context["distinguished"] = next(of_id, None)
        if context["distinguished"] is None:
            raise NotFound
    if other_id is not None and all(record.person_id != other_id for record in shown.records[1:]):
        raise NotFound
    return render_form(template, form, person=shown, **context)
