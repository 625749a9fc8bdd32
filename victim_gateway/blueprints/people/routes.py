"""Routes of the search for people."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.people.forms import SearchForm
from victim_gateway.blueprints.people.prefill import record_form_values
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.people.search import search_people
from victim_gateway.queries.people.search_text import read_search_text
from victim_gateway.web.forms import render_form
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("people", __name__, template_folder="templates")


@bp.route("/search", methods=["GET", "POST"])
@requires(Permission.SEARCH_PEOPLE)
def search() -> ResponseReturnValue:
    """Show the search box and its results."""
    form = SearchForm()
    if not form.validate_on_submit():
        return render_form("people/search.html", form, results=None)
    typed = form.text.data or ""
    with transaction(signed_in_actor()) as session:
        results = search_people(session, typed, today=times.london_date(times.now()))
    return render_template(
        "people/search.html", form=form, results=results, carried=record_form_values(read_search_text(typed))
    )
