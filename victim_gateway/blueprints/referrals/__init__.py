"""Referrals: the work queue, recording one by hand, and everything a caseworker does with one."""

# Each but the three with a blueprint of their own below adds its routes to the blueprint of `page` when it is imported.
from victim_gateway.blueprints.referrals import (
    assessment,
    compare,
    consent,
    contact,
    contact_stops,
    corrections,
    details,
    entered_in_error,
    failed_messages,
    given_values,
    hold_answers,
    notes,
    outcomes,
    overview,
    page,
    record_routes,
    rights,
    status,
    support,
    support_given,
    work_queue_routes,
)

BLUEPRINTS = (work_queue_routes.bp, page.bp, record_routes.bp)
__all__ = [
    "BLUEPRINTS",
    "assessment",
    "compare",
    "consent",
    "contact",
    "contact_stops",
    "corrections",
    "details",
    "entered_in_error",
    "failed_messages",
    "given_values",
    "hold_answers",
    "notes",
    "outcomes",
    "overview",
    "rights",
    "status",
    "support",
    "support_given",
]
