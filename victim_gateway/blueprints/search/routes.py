"""Do we know this person?"""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.search.forms import SearchForm
from victim_gateway.queries.casework import people as people_query
from victim_gateway.transactions import transaction
from victim_gateway.web.forms import render_form
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("search", __name__, template_folder="templates")


@bp.route("/search", methods=["GET", "POST"])
@requires(Permission.SEARCH_PEOPLE)
def people() -> ResponseReturnValue:
    """The box, and what it found."""
    form = SearchForm()
    if not form.validate_on_submit():
        return render_form("search/people.html", form, results=None)
    with transaction(signed_in_actor()) as session:
        results = people_query.search(session, form.text.data or "", today=times.london_date(times.now()))
    return render_template("search/people.html", form=form, results=results)
