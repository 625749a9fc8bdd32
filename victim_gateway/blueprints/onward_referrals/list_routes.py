"""All referrals of a provider, open and ended: a list with filters, and a search by name among the open ones."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from wtforms import SelectField, StringField
from wtforms.validators import DataRequired, Length

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.onward_referrals.presenters import PROVIDER_STATES
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.onward_referrals.own_referrals import (
    ENDED,
    OPEN,
    OwnReferralFilter,
    OwnReferralRow,
    open_referrals_by_name,
    own_referrals,
    own_services,
    read_own_position,
)
from victim_gateway.rules.provider_figures import FATES
from victim_gateway.vocabulary import OnwardState
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm, render_form
from victim_gateway.web.labels import SelectChoice, label_of
from victim_gateway.web.list_pages import (
    PAGE_SIZE,
    QueryForm,
    first_page_url,
    is_beside_the_list,
    paging_of,
)
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("onward_list", __name__, url_prefix="/all-referrals", template_folder="templates")

ENDED_STATES = {
    OnwardState.CLOSED: "Closed by you",
    OnwardState.DECLINED: "Declined by you",
    OnwardState.EXPIRED: "Ran out without an answer",
    OnwardState.WITHDRAWN: "Taken back by the Gateway",
    OnwardState.RETURNED: "Returned by you",
    OnwardState.ENDED_EARLY: "Ended before support began",
}
STATES = PROVIDER_STATES | ENDED_STATES


class OwnReferralsForm(QueryForm):
    """Filters; the address holds them, so none asks for a name."""

    reference = StringField("Reference", [Length(max=40)])
    stands = SelectField(
        "How it stands",
        choices=[
            SelectChoice(OPEN, "Open"),
            SelectChoice(ENDED, "Ended"),
            *(SelectChoice(state.value, STATES[state]) for state, fate in FATES.items() if fate),
        ],
    )
    service = SelectField("Service")
    offered_from = GovDateField("Offered from")
    offered_until = GovDateField("Offered until")

    def wanted(self) -> OwnReferralFilter:
        """The chosen filters."""
        return OwnReferralFilter(
            reference=self.reference.data or None,
            stands=self.stands.data or None,
            service_id=UUID(self.service.data) if self.service.data else None,
            offered_from=self.offered_from.data,
            offered_until=self.offered_until.data,
        )


class OpenNameForm(BaseForm):
    """A name to find among the open referrals; sent by POST, so that it is in no address."""

    is_versioned = False
    name = StringField(
        "Name",
        [DataRequired("Enter a name, or the beginning of one"), Length(max=120)],
        description="First name, last name or how they begin",
    )


@bp.get("")
@requires(Permission.VIEW_INBOX)
def home() -> ResponseReturnValue:
    """Every referral of the services that the reader may see, newest first, without a name."""
    before, after = (read_own_position(request.args.get(name, "")) for name in ("before", "after"))
    position, is_before = after or before, after is None and before is not None
    with transaction(signed_in_actor()) as session:
        services = own_services(session)
        filters = OwnReferralsForm(
            choices={"service": [SelectChoice(str(service_id), name) for service_id, name in services]}
        )
        found = own_referrals(
            session, filters.wanted(), limit=PAGE_SIZE, position=position, is_before=is_before
        )
    if is_beside_the_list(position, is_before=is_before, before=found.before, shown=len(found.rows)):
        return redirect(first_page_url())
    return render_template(
        "onward_referrals/all_referrals.html",
        found=found,
        filters=filters,
        paging=paging_of(found.before, found.after, len(found.rows), found.total),
        states=STATES,
        how_it_ended=how_it_ended,
        has_services=bool(services),
    )


@bp.route("/by-name", methods=["GET", "POST"])
@requires(Permission.VIEW_INBOX)
def find_by_name() -> ResponseReturnValue:
    """Look for a name among the referrals that are open to the reader."""
    form = OpenNameForm()
    if form.validate_on_submit():
        with transaction(signed_in_actor()) as session:
            found = open_referrals_by_name(session, form.name.data or "")
        return render_template(
            "onward_referrals/find_by_name.html", form=form, found=found, states=PROVIDER_STATES
        )
    return render_form("onward_referrals/find_by_name.html", form, found=None)


def how_it_ended(row: OwnReferralRow) -> str | None:
    """The reason or the outcome of one that has ended, where there is one."""
    said = row.outcome or row.decline_reason
    return label_of(said) if said and not row.is_open else None
