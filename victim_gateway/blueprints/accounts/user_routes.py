"""Routes with which administrators list, add, disable and reset accounts."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, current_app, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.accounts.member_forms import MemberAccessForm, NewMembershipForm
from victim_gateway.blueprints.accounts.user_forms import ConfirmForm, NewAccountForm
from victim_gateway.queries.accounts.account_list import account_by_id, list_accounts, list_organisations
from victim_gateway.queries.accounts.memberships import (
    member_by_id,
    memberships_of,
    providers_to_choose,
    services_of,
)
from victim_gateway.services.accounts import administration, memberships
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import PROVIDER_ROLES, OrganisationKind, Role
from victim_gateway.web import flashes
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("users", __name__, url_prefix="/system/users", template_folder="templates")


@bp.get("")
@requires(Permission.MANAGE_USERS)
def home() -> ResponseReturnValue:
    """List every account."""
    return render_template("accounts/users.html", accounts=list_accounts(actor=signed_in_actor()))


@bp.route("/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_USERS)
def add() -> ResponseReturnValue:
    """Add an account; its starting password is shown on the answer, this once."""
    form = NewAccountForm(_providers())
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("users.home")):
            role = form.chosen_role()
            added = administration.add_account(
                form.command(),
                administration.NewAccount(
                    email=form.email.data or "",
                    name=form.name.data or "",
                    role=role,
                    organisation_key=form.organisation.data or "" if role in PROVIDER_ROLES else "",
                    gateway_name=current_app.extensions["settings"].area.service_name,
                ),
            )
            return _starting_password(added.user_id, added.starting_password or "")
    return render_form("accounts/new_user.html", form)


@bp.get("/<uuid:user_id>")
@requires(Permission.MANAGE_USERS)
def detail(user_id: UUID) -> ResponseReturnValue:
    """Show one account, with links to the steps that are possible."""
    actor = signed_in_actor()
    account = account_by_id(user_id, actor=actor)
    return render_template(
        "accounts/user.html",
        account=account,
        is_own=user_id == actor.user_id,
        now=times.now(),
        members=memberships_of(user_id, actor=actor) if account.role in PROVIDER_ROLES else None,
    )


@bp.post("/<uuid:user_id>/disable")
@requires(Permission.MANAGE_USERS)
def disable(user_id: UUID) -> ResponseReturnValue:
    """Disable an account: its user is signed out and kept out."""
    administration.disable_account(Command(signed_in_actor(), times.now()), user_id)
    flashes.flash_success("The account is disabled. Every open session of it has ended.")
    return redirect(url_for("users.detail", user_id=user_id))


@bp.post("/<uuid:user_id>/enable")
@requires(Permission.MANAGE_USERS)
def enable(user_id: UUID) -> ResponseReturnValue:
    """Enable a disabled account."""
    administration.enable_account(Command(signed_in_actor(), times.now()), user_id)
    flashes.flash_success("The account can sign in again, with the password it had.")
    return redirect(url_for("users.detail", user_id=user_id))


@bp.route("/<uuid:user_id>/reset-codes", methods=["GET", "POST"])
@requires(Permission.MANAGE_USERS)
def reset_second_factor(user_id: UUID) -> ResponseReturnValue:
    """Remove the second factor, for a lost phone."""
    form, account = ConfirmForm(), account_by_id(user_id, actor=signed_in_actor())
    if form.validate_on_submit():
        administration.reset_second_factor(form.command(), user_id)
        flashes.flash_success("The security codes are reset. New ones are set up at the next sign-in.")
        return redirect(url_for("users.detail", user_id=user_id))
    return render_form("accounts/reset_codes.html", form, account=account, back=_address(user_id))


@bp.route("/<uuid:user_id>/new-password", methods=["GET", "POST"])
@requires(Permission.MANAGE_USERS)
def new_password(user_id: UUID) -> ResponseReturnValue:
    """Give a new starting password, for a forgotten one."""
    form, account = ConfirmForm(), account_by_id(user_id, actor=signed_in_actor())
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("users.detail", user_id=user_id)):
            starting = administration.issue_starting_password(form.command(), user_id)
            return _starting_password(user_id, starting)
    return render_form("accounts/give_password.html", form, account=account, back=_address(user_id))


@bp.route("/<uuid:user_id>/organisations", methods=["GET", "POST"])
@requires(Permission.MANAGE_USERS)
def add_organisation(user_id: UUID) -> ResponseReturnValue:
    """Let the account of a provider work for another one too; what it does there is chosen next."""
    actor, form = signed_in_actor(), NewMembershipForm()
    account = account_by_id(user_id, actor=actor)
    form.offer(providers_to_choose(user_id, actor=actor))
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("users.detail", user_id=user_id)):
            none_yet = memberships.MemberAccess(Role.PROVIDER, all_services=False)
            membership_id = memberships.add_membership(
                form.command(), user_id, form.organisation.data or "", none_yet
            )
            return redirect(url_for("users.access", membership_id=membership_id))
    return render_form("accounts/add_organisation.html", form, account=account)


@bp.route("/organisations/<uuid:membership_id>", methods=["GET", "POST"])
@requires(Permission.MANAGE_USERS)
def access(membership_id: UUID) -> ResponseReturnValue:
    """Change what an account does in one provider, and whose referrals it sees there."""
    actor, form = signed_in_actor(), MemberAccessForm()
    member = member_by_id(membership_id, actor=actor)
    form.offer(services_of(member.organisation_id, actor=actor), member)
    after = url_for("users.detail", user_id=member.user_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            memberships.change_access(form.command(), membership_id, form.access())
            flashes.flash_success("Saved. It holds from their next page on.")
            return redirect(after)
    return render_form("accounts/member_access.html", form, version=member.version, member=member, back=after)


@bp.post("/organisations/<uuid:membership_id>/end")
@requires(Permission.MANAGE_USERS)
def end_membership(membership_id: UUID) -> ResponseReturnValue:
    """Take the account's access to one provider away."""
    member = member_by_id(membership_id, actor=signed_in_actor())
    memberships.end_membership(Command(signed_in_actor(), times.now()), membership_id)
    flashes.flash_success(f"The account can't open anything of {member.organisation_name} any more.")
    return redirect(url_for("users.detail", user_id=member.user_id))


@bp.post("/organisations/<uuid:membership_id>/restore")
@requires(Permission.MANAGE_USERS)
def restore_membership(membership_id: UUID) -> ResponseReturnValue:
    """Give an access to a provider back."""
    member = member_by_id(membership_id, actor=signed_in_actor())
    memberships.restore_membership(Command(signed_in_actor(), times.now()), membership_id)
    flashes.flash_success(f"The account can work for {member.organisation_name} again.")
    return redirect(url_for("users.detail", user_id=member.user_id))


def _starting_password(user_id: UUID, password: str) -> ResponseReturnValue:
    """Show the starting password in the response itself: it is in no cookie, no URL and not in the database."""
    account = account_by_id(user_id, actor=signed_in_actor())
    return render_template(
        "accounts/starting_password.html", account=account, password=password, done=_address(user_id)
    )


def _address(user_id: UUID) -> str:
    return url_for("users.detail", user_id=user_id)


def _providers() -> list[tuple[str, str]]:
    known = list_organisations(actor=signed_in_actor())
    return [(item.key, item.name) for item in known if item.kind is OrganisationKind.PROVIDER]
