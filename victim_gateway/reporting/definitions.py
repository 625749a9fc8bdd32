"""What the columns of a compliance report mean, as its cover sheet says it (contract, section 7)."""

from __future__ import annotations

DEFINITIONS: tuple[tuple[str, str], ...] = (
    ("Clock", "One running instance of an entitlement for one victim, opened by one event."),
    ("Period", "A clock belongs to the period in which it started, by London date, both ends included."),
    (
        "as_at",
        "Only what had been recorded at this moment counts; the same moment always gives the same figures.",
    ),
    ("edition", "The Victims' Code in force when the clock started; 'local' is the area's own standards."),
    ("clocks_started", "All clocks of the row: the sum of the eight statuses from met to not_applicable."),
    ("due", "met + met_late + overdue."),
    ("met", "Done on or before the due date."),
    ("met_late", "Done after the due date."),
    ("overdue", "Not done, the due date has passed, and whoever would have seen it reports to this service."),
    ("running", "Not done, and the due date has not passed, or there is none."),
    (
        "unknown",
        "The due date has passed and nobody who would have seen it reports to this service. Not a failure.",
    ),
    ("declined", "The victim declined in time."),
    ("withheld_for_safety", "Not done because it was not safe to do; reopens when there is a safe way."),
    ("not_applicable", "The entitlement does not apply to this victim or this case."),
    ("rate", "met / due to four decimals; empty if nothing was due or if a part is suppressed."),
    ("target", "The standard agreed for the area; empty if there is none."),
    (
        "suppressed",
        "yes: counts from 1 to 4 in the row, and others that would give them away, are left empty.",
    ),
)
