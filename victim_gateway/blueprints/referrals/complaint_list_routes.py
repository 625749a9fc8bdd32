"""The complaints that are owed something, for those who see to it that they are answered."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.referrals.complaints import open_complaints
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("complaints", __name__, template_folder="templates", url_prefix="/complaints")


@bp.get("")
@requires(Permission.HANDLE_COMPLAINTS)
def home() -> ResponseReturnValue:
    """Open complaints, the earliest due first; no name is shown."""
    with transaction(signed_in_actor()) as session:
        complaints, has_more = open_complaints(session, after=_position(request.args.get("after")))
        record_audit(session, "complaints.listed", shown=len(complaints))
    return render_template(
        "referrals/complaint_list.html",
        complaints=complaints,
        after=f"{complaints[-1].due_on}_{complaints[-1].complaint_id}" if has_more else None,
        today=times.london_date(times.now()),
    )


def _position(after: str | None) -> tuple[date, UUID] | None:
    """Where the page begins; what can't be read is the first page."""
    due_on, _, complaint_id = (after or "").partition("_")
    try:
        return date.fromisoformat(due_on), UUID(complaint_id)
    except ValueError:
        return None
