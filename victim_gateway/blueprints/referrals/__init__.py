"""Referrals: the work queue, recording one by hand, and everything a caseworker does with one."""

# Each but the four with a blueprint of their own below adds its routes to the blueprint of `page` when it is imported.
from victim_gateway.blueprints.referrals import (
    assessment,
    assessment_review,
    compare,
    consent,
    contact,
    contact_stops,
    corrections,
    details,
    draft_routes,
    entered_in_error,
    failed_messages,
    given_values,
    hold_answers,
    marac,
    notes,
    overview,
    page,
    record_routes,
    rights,
    status,
    work_queue_routes,
)

BLUEPRINTS = (
    work_queue_routes.bp,
    page.bp,
    record_routes.bp,
    draft_routes.bp,
    assessment_review.list_bp,
)
__all__ = [
    "BLUEPRINTS",
    "assessment",
    "assessment_review",
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
    "marac",
    "notes",
    "overview",
    "rights",
    "status",
]
