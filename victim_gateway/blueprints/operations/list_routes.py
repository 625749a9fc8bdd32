"""The lists that administrators keep: what is in each, adding, wording, moving and retiring an entry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, RadioField
from wtforms.validators import InputRequired

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.operations.list_forms import (
    EntryForm,
    NewEntryForm,
    NewRuleForm,
    RuleForm,
    shipped_entries,
    weights_form,
)
from victim_gateway.database.current import current_settings
from victim_gateway.database.kept_wordings import offered_entries_of
from victim_gateway.database.transaction import transaction
from victim_gateway.offer_vocabulary import DeclineConsequence
from victim_gateway.queries.accounts.account_list import list_accounts
from victim_gateway.queries.operations.kept_lists import (
    ListChangeLine,
    ListLine,
    entry_changes,
    list_line,
    list_lines,
)
from victim_gateway.rules.decline_consequences import (
    CONSEQUENCE_PHRASES,
    DeclineRule,
    describe_decline_rule,
    read_decline_rule,
)
from victim_gateway.rules.duplicate_weights import (
    describe_weights,
    weights_of_entry,
)
from victim_gateway.rules.harm_protections import describe_protections
from victim_gateway.rules.kept_lists import (
    DECLINE_CONSEQUENCES,
    KEPT_LISTS,
    PROPOSAL_RULES,
    KeptList,
)
from victim_gateway.rules.proposal_rules import describe_rule, read_rule
from victim_gateway.services.operations import kept_lists
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import DeclineReason, Harm
from victim_gateway.web import flashes
from victim_gateway.web.forms import BaseForm, render_form, save_or_refuse
from victim_gateway.web.labels import SelectChoice
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("lists", __name__, url_prefix="/system/lists", template_folder="templates")
_STEPS = {
    "retire": (kept_lists.retire_list_entry, "The entry is no longer offered. Old records keep it."),
    "restore": (kept_lists.restore_list_entry, "The entry is offered again."),
    "move-up": (kept_lists.move_list_entry_up, "The entry was moved up."),
}


@bp.get("")
@requires(Permission.MANAGE_LISTS)
def home() -> ResponseReturnValue:
    """Every list, with what it is for."""
    counts = {key: len(offered_entries_of(key)) for key in KEPT_LISTS}
    return render_template("operations/lists.html", kept_lists=KEPT_LISTS.values(), entry_counts=counts)


@bp.get("/<list_key>")
@requires(Permission.MANAGE_LISTS)
def entries(list_key: str) -> ResponseReturnValue:
    """The entries of one list."""
    kept = _kept(list_key)
    with transaction(signed_in_actor()) as session:
        found = list_lines(session, kept)
    return render_template(
        "operations/list_entries.html",
        kept=kept,
        entries=found,
        shipped=dict(shipped_entries(kept)),
        numbers=(
            {line.code: _counts_as(kept, line.code, {"body": line.body})["body"] for line in found}
            if kept.fixed
            else {}
        ),
        protections={code: describe_protections(Harm(code)) for code in kept.stands_for},
    )


@bp.route("/<list_key>/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_LISTS)
def add(list_key: str) -> ResponseReturnValue:
    """Add an entry."""
    kept = _kept(list_key)
    if not kept.may_add:
        abort(404)
    form, after = (
        (NewRuleForm if _is_of_rules(kept) else NewEntryForm)(kept),
        url_for("lists.entries", list_key=list_key),
    )
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            kept_lists.add_list_entry(
                form.command(),
                list_key,
                label=form.label.data or "",
                body=form.typed_body,
                stands_for=form.chosen_code,
                protects_enough=form.is_protection_enough,
            )
            flashes.flash_success("The entry was added and is offered from now on")
            return redirect(after)
    return render_form("operations/new_list_entry.html", form, kept=kept)


@bp.route("/<list_key>/entries/<code>", methods=["GET", "POST"])
@requires(Permission.MANAGE_LISTS)
def entry(list_key: str, code: str) -> ResponseReturnValue:
    """Word an entry anew, and see what changed in it."""
    kept = _kept(list_key)
    with transaction(signed_in_actor()) as session:
        found = list_line(session, kept, code)
        changes = entry_changes(session, found.entry_id)
    if kept.key == DECLINE_CONSEQUENCES:
        return _change_decline_rule(kept, found, changes)
    if kept.fixed:
        return _change_weights(kept, found, changes)
    form: EntryForm
    if _is_of_rules(kept):
        form = RuleForm(kept, data={"label": found.label})
        if request.method == "GET":
            form.fill(read_rule(code, found.label, found.body))
    else:
        form = EntryForm(kept, obj=found)
    after = url_for("lists.entries", list_key=list_key)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            kept_lists.reword_list_entry(
                form.command(), list_key, code, label=form.label.data or "", body=form.typed_body
            )
            flashes.flash_success("The entry was changed")
            return redirect(after)
    return render_form(
        "operations/list_entry.html",
        form,
        version=found.version,
        kept=kept,
        entry=found,
        changes=_describe_changes(kept, changes),
        shipped=dict(shipped_entries(kept)).get(found.stands_for or code),
    )


def _change_weights(kept: KeptList, found: ListLine, changes: list[ListChangeLine]) -> ResponseReturnValue:
    form, after = weights_form(found.code, found), url_for("lists.entries", list_key=kept.key)
    numbers = weights_of_entry(found.code, current_settings().area.identity)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            typed = {name: float(form[name].data) for name in numbers}
            kept_lists.change_duplicate_weights(form.command(), found.code, typed)
            flashes.flash_success("The weights were changed. They count for what is proposed from now on")
            return redirect(after)
    return render_form(
        "operations/duplicate_weights.html",
        form,
        version=found.version,
        kept=kept,
        entry=found,
        numbers=list(numbers),
        changes=[
            replace(
                line,
                before=_with_numbers(found.code, line.before),
                after=_with_numbers(found.code, line.after),
            )
            for line in changes
        ],
    )


class DeclineRuleForm(BaseForm):
    """What follows from one reason to decline."""

    consequence = RadioField(
        "What follows?",
        choices=[SelectChoice(each.value, phrase) for each, phrase in CONSEQUENCE_PHRASES.items()],
        validators=[InputRequired("Choose what follows")],
    )
    is_at_once = BooleanField(
        "In a ranked group, ask the next service at once, before we agree to the decline"
    )


def _change_decline_rule(
    kept: KeptList, found: ListLine, changes: list[ListChangeLine]
) -> ResponseReturnValue:
    now = read_decline_rule(DeclineReason(found.code), found.body)
    form = DeclineRuleForm(data={"consequence": now.consequence.value, "is_at_once": now.is_at_once})
    after = url_for("lists.entries", list_key=kept.key)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            rule = DeclineRule(DeclineConsequence(form.consequence.data), bool(form.is_at_once.data))
            kept_lists.change_decline_rule(form.command(), found.code, rule)
            flashes.flash_success("It was changed. It counts for declines that are agreed to from now on")
            return redirect(after)
    lines = [
        replace(
            line,
            before=_counts_as(kept, found.code, line.before),
            after=_counts_as(kept, found.code, line.after),
        )
        for line in changes
    ]
    return render_form(
        "operations/decline_rule.html", form, version=found.version, kept=kept, entry=found, changes=lines
    )


def _counts_as(kept: KeptList, code: str, values: dict[str, Any]) -> dict[str, Any]:
    """What an entry of a list of fixed entries says, as a person reads it."""
    if kept.key == DECLINE_CONSEQUENCES:
        return {**values, "body": describe_decline_rule(DeclineReason(code), values.get("body"))}
    return _with_numbers(code, values)


def _with_numbers(code: str, values: dict[str, Any]) -> dict[str, Any]:
    return {**values, "body": describe_weights(code, values.get("body"), current_settings().area.identity)}


@bp.post("/<list_key>/entries/<code>/<any(retire,restore,'move-up'):change_kind>")
@requires(Permission.MANAGE_LISTS)
def change(list_key: str, code: str, change_kind: str) -> ResponseReturnValue:
    """Retire an entry, offer it again, or move it up."""
    make_step, done = _STEPS[change_kind]
    version = request.form.get("version", type=int)
    make_step(Command(signed_in_actor(), times.now(), version=version), list_key, code)
    flashes.flash_success(done)
    return redirect(url_for("lists.entries", list_key=list_key))


def _is_of_rules(kept: KeptList) -> bool:
    return kept.key == PROPOSAL_RULES


def _describe_changes(kept: KeptList, changes: list[ListChangeLine]) -> list[ListChangeLine]:
    """What a rule said before, as a person reads it."""
    if not _is_of_rules(kept):
        return changes
    names = {str(each.id): each.name for each in list_accounts(actor=signed_in_actor())}
    return [
        replace(line, before={**line.before, "body": describe_rule(line.before.get("body"), names)})
        for line in changes
    ]


def _kept(list_key: str) -> KeptList:
    kept = KEPT_LISTS.get(list_key)
    if kept is None:
        abort(404)
    return kept
