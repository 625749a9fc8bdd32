"""Everything recorded about the person and the crime, but numbers and addresses; the one page with ethnicity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.blueprints.referrals.value_fields import recorded_text
from victim_gateway.queries.referrals.given_values import recorded_value
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.rules.recorded_fields import (
    field_label,
)
from victim_gateway.web.permissions import requires

_PERSON = (
    "title",
    "given_name",
    "family_name",
    "alias",
    "organisation_name",
    "organisation_contact",
    "date_of_birth",
    "sex",
    "ethnicity",
    "language",
    "interpreter_needed",
    "communication_needs",
    "residence_district",
    "guardian_name",
    "guardian_relationship",
    "guardian_safe_to_contact",
)
_CRIME = (
    "offence",
    "chosen_harms",
    "recorded_as",
    "victim_type",
    "crime_number",
    "incident_number",
    "district",
    "location",
    "hate_strand",
    "domestic_abuse",
    "vulnerable",
    "intimidated",
    "persistently_targeted",
    "serious_crime",
    "relationship_to_suspect",
    "children_present",
    "repeat_victim",
    "asb_type",
    "risk_assessment",
    "risk_assessed_at",
)


@bp.get("/details")
@requires(Permission.VIEW_REFERRAL)
def details(referral_id: UUID) -> ResponseReturnValue:
    """Every recorded detail that may stand on a page."""
    return render_referral_page("referrals/details.html", referral_id, section="overview", more=_details)


def _details(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
    return {"person_rows": _rows(head, _PERSON), "crime_rows": _rows(head, _CRIME)}


def _rows(head: ReferralHeader, columns: Iterable[str]) -> list[tuple[str, str | None]]:
    return [(field_label(column), recorded_text(column, recorded_value(head, column))) for column in columns]
