"""Routes with which an administrator of a provider looks after its accounts: of its own organisation, no other."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.accounts.member_forms import (
    ConfirmMemberForm,
    MemberAccessForm,
    NewMemberForm,
)
from victim_gateway.queries.accounts.memberships import (
    list_members,
    member_by_id,
    services_of,
    services_without_readers,
)
from victim_gateway.services.accounts import memberships
from victim_gateway.services.accounts.administration import STARTING_PASSWORD_FOR
from victim_gateway.services.shared.command import Command
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("members", __name__, url_prefix="/our-users", template_folder="templates")


@bp.get("")
@requires(Permission.MANAGE_OWN_USERS)
def home() -> ResponseReturnValue:
    """Who works for the organisation, as what and with which services."""
    actor = signed_in_actor()
    return render_template(
        "accounts/members.html",
        members=list_members(actor=actor),
        unseen=services_without_readers(actor=actor),
    )


@bp.route("/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_OWN_USERS)
def add() -> ResponseReturnValue:
    """Add an account; its starting password is shown on the answer, this once."""
    actor, form = signed_in_actor(), NewMemberForm()
    form.offer(services_of(_organisation_id(), actor=actor))
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("members.home")):
            new = memberships.NewMember(form.name.data or "", form.email.data or "", form.access())
            added = memberships.add_member(form.command(), new)
            return _starting_password(
                form.name.data or "", added.email, added.starting_password or "", url_for("members.home")
            )
    return render_form("accounts/new_member.html", form)


@bp.get("/<uuid:membership_id>")
@requires(Permission.MANAGE_OWN_USERS)
def detail(membership_id: UUID) -> ResponseReturnValue:
    """One account, with what can be done about it."""
    actor = signed_in_actor()
    member = member_by_id(membership_id, actor=actor)
    return render_template("accounts/member.html", member=member, is_own=member.user_id == actor.user_id)


@bp.route("/<uuid:membership_id>/access", methods=["GET", "POST"])
@requires(Permission.MANAGE_OWN_USERS)
def access(membership_id: UUID) -> ResponseReturnValue:
    """Change what the account does and whose referrals it sees."""
    actor, form = signed_in_actor(), MemberAccessForm()
    member = member_by_id(membership_id, actor=actor)
    form.offer(services_of(member.organisation_id, actor=actor), member)
    after = url_for("members.detail", membership_id=membership_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            memberships.change_access(form.command(), membership_id, form.access())
            flash_success("Saved. It holds from their next page on.")
            return redirect(after)
    return render_form("accounts/member_access.html", form, version=member.version, member=member, back=after)


@bp.post("/<uuid:membership_id>/end")
@requires(Permission.MANAGE_OWN_USERS)
def end(membership_id: UUID) -> ResponseReturnValue:
    """Take the account's access to the organisation away."""
    memberships.end_membership(Command(signed_in_actor(), times.now()), membership_id)
    flash_success("They can't open anything of your organisation any more.")
    return redirect(url_for("members.detail", membership_id=membership_id))


@bp.post("/<uuid:membership_id>/restore")
@requires(Permission.MANAGE_OWN_USERS)
def restore(membership_id: UUID) -> ResponseReturnValue:
    """Give the access back."""
    memberships.restore_membership(Command(signed_in_actor(), times.now()), membership_id)
    flash_success("They can work for your organisation again, with the services they had.")
    return redirect(url_for("members.detail", membership_id=membership_id))


@bp.route("/<uuid:membership_id>/new-password", methods=["GET", "POST"])
@requires(Permission.MANAGE_OWN_USERS)
def new_password(membership_id: UUID) -> ResponseReturnValue:
    """Give a new starting password, for a forgotten one."""
    form, member = ConfirmMemberForm(), member_by_id(membership_id, actor=signed_in_actor())
    after = url_for("members.detail", membership_id=membership_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            starting = memberships.issue_member_password(form.command(), membership_id)
            return _starting_password(member.name, member.email, starting, after)
    return render_form("accounts/give_password.html", form, account=member, back=after)


@bp.route("/<uuid:membership_id>/reset-codes", methods=["GET", "POST"])
@requires(Permission.MANAGE_OWN_USERS)
def reset_codes(membership_id: UUID) -> ResponseReturnValue:
    """Remove the second factor, for a lost phone."""
    form, member = ConfirmMemberForm(), member_by_id(membership_id, actor=signed_in_actor())
    after = url_for("members.detail", membership_id=membership_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            memberships.reset_member_second_factor(form.command(), membership_id)
            flash_success("The security codes are reset. New ones are set up at the next sign-in.")
            return redirect(after)
    return render_form("accounts/reset_codes.html", form, account=member, back=after)


def _organisation_id() -> UUID:
    organisation_id = signed_in_actor().organisation_id
    assert organisation_id is not None  # noqa: S101  every account has one
    return organisation_id


def _starting_password(name: str, email: str, password: str, done: str) -> ResponseReturnValue:
    """Show the starting password in the response itself: it is in no cookie, no URL and not in the database."""
    until = times.now() + STARTING_PASSWORD_FOR
    return render_template(
        "accounts/starting_password.html",
        account={"name": name, "email": email, "starting_password_until": until},
        password=password,
        done=done,
    )
