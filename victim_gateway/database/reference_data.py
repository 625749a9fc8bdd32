"""Load the law's tables (entitlements, working days, the area's standards) into the database at every upgrade."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert

from config.area_profile import AreaProfile
from victim_gateway.compliance.calendar import england_and_wales
from victim_gateway.compliance.editions import LOCAL, Edition, Entitlement, Unit, code_editions, local_edition
from victim_gateway.database.area_record import PROFILE_SOURCE
from victim_gateway.models import CalendarDay, CodeEntitlement


def load_reference_data(connection: Connection, area: AreaProfile) -> None:
    """Replace the rows of both tables by the present data files and area profile."""
    connection.execute(delete(CodeEntitlement))
    editions = (*code_editions(), area_edition(area))
    connection.execute(
        insert(CodeEntitlement),
        [_entitlement_row(edition, item) for edition in editions for item in edition.entitlements],
    )
    connection.execute(delete(CalendarDay))
    connection.execute(insert(CalendarDay), _calendar_rows())


def area_edition(area: AreaProfile) -> Edition:
    """The area's own standards as the edition `local`."""
    return local_edition(
        (
            Entitlement(
                edition=LOCAL,
                entitlement_id=standard.entitlement_id,
                right=standard.right,
                paragraph=standard.paragraph,
                entitlement=standard.entitlement,
                owner=standard.owner,
                start_event=standard.start_event,
                stop_event=standard.stop_event,
                unit=Unit(standard.unit),
                limit=standard.standard_limit,
                limit_enhanced=standard.enhanced_limit
                if standard.enhanced_limit is not None
                else standard.standard_limit,
                applies_when=standard.applies_when,
                observed_by=standard.observed_by,
                confidence=standard.confidence,
                source=f"{PROFILE_SOURCE}{area.name}",
            )
            for standard in area.standards
        ),
        title=f"{area.name} standards",
    )


def _entitlement_row(edition: Edition, item: Entitlement) -> dict[str, Any]:
    return {
        "edition": edition.key,
        "entitlement_id": item.entitlement_id,
        "in_force_from": None if edition.in_force_from == date.min else edition.in_force_from,
        "in_force_to": edition.in_force_to,
        "right": item.right,
        "paragraph": item.paragraph,
        "entitlement": item.entitlement,
        "owner": item.owner,
        "start_event": item.start_event,
        "stop_event": item.stop_event,
        "unit": item.unit.value,
        "standard_limit": item.limit,
        "enhanced_limit": item.limit_enhanced,
        "applies_when": list(item.applies_when),
        "observed_by": item.observed_by,
        "confidence": item.confidence,
        "source": item.source,
    }


def _calendar_rows() -> list[dict[str, Any]]:
    calendar = england_and_wales()
    working = set(calendar.working_days)
    rows = []
    ordinal = 0
    day = calendar.first_day
    while day <= calendar.last_day:
        ordinal += day in working
        rows.append({"day": day, "is_working": day in working, "ordinal": ordinal})
        day += timedelta(days=1)
    return rows
