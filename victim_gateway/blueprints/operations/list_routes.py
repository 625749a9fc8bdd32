"""The lists that administrators keep: what is in each, adding, wording, moving and retiring an entry."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.database.current import current_settings
from victim_gateway.database.kept_wordings import offered_entries_of
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.operations.kept_lists import entry_changes, list_line, list_lines
from victim_gateway.rules.kept_lists import KEPT_LISTS, LONGEST_BODY, LONGEST_LABEL, KeptList
from victim_gateway.services.operations import kept_lists
from victim_gateway.services.shared.command import Command
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


class EntryForm(BaseForm):
    """The wording of an entry, with its longer text where the list has one."""

    label = StringField(
        validators=[
            DataRequired("Enter the name"),
            Length(max=LONGEST_LABEL, message=f"Shorten this to {LONGEST_LABEL} characters"),
        ]
    )
    body = TextAreaField(
        validators=[Length(max=LONGEST_BODY, message=f"Shorten this to {LONGEST_BODY:,} characters")]
    )

    def __init__(self, kept: KeptList, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.label.label.text = kept.label_name
        if kept.body_label:
            self.body.label.text = kept.body_label
        else:
            del self.body

    @property
    def typed_body(self) -> str | None:
        """The longer text; None where the list has none."""
        return self.body.data if "body" in self else None


class NewEntryForm(EntryForm):
    """A new entry, which nobody can have changed meanwhile."""

    is_versioned = False

    stands_for = SelectField("What does it stand for?", validate_choice=False)

    def __init__(self, kept: KeptList, **kwargs: Any) -> None:
        super().__init__(kept, **kwargs)
        if not kept.stands_for:
            del self.stands_for
            return
        self.stands_for.choices = [
            SelectChoice("", "Choose one"),
            *(SelectChoice(code, label) for code, label in _shipped(kept) if code in kept.stands_for),
        ]

    @property
    def chosen_code(self) -> str | None:
        """The code that the rules read for the new entry; None where the list has none."""
        return self.stands_for.data if "stands_for" in self else None


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
        "operations/list_entries.html", kept=kept, entries=found, shipped=dict(_shipped(kept))
    )


@bp.route("/<list_key>/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_LISTS)
def add(list_key: str) -> ResponseReturnValue:
    """Add an entry."""
    kept = _kept(list_key)
    if not kept.may_add:
        abort(404)
    form, after = NewEntryForm(kept), url_for("lists.entries", list_key=list_key)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            kept_lists.add_list_entry(
                form.command(),
                list_key,
                label=form.label.data or "",
                body=form.typed_body,
                stands_for=form.chosen_code,
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
    form, after = EntryForm(kept, obj=found), url_for("lists.entries", list_key=list_key)
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
        changes=changes,
        shipped=dict(_shipped(kept)).get(found.stands_for or code),
    )


@bp.post("/<list_key>/entries/<code>/<any(retire,restore,'move-up'):change_kind>")
@requires(Permission.MANAGE_LISTS)
def change(list_key: str, code: str, change_kind: str) -> ResponseReturnValue:
    """Retire an entry, offer it again, or move it up."""
    make_step, done = _STEPS[change_kind]
    version = request.form.get("version", type=int)
    make_step(Command(signed_in_actor(), times.now(), version=version), list_key, code)
    flashes.flash_success(done)
    return redirect(url_for("lists.entries", list_key=list_key))


def _shipped(kept: KeptList) -> tuple[tuple[str, str], ...]:
    return kept.shipped_entries(current_settings().area)


def _kept(list_key: str) -> KeptList:
    kept = KEPT_LISTS.get(list_key)
    if kept is None:
        abort(404)
    return kept
