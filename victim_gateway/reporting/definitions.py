"""What the columns of a compliance report mean, as its cover sheet says it (contract, section 7)."""

from __future__ import annotations

DEFINITIONS: tuple[tuple[str, str], ...] = (
    ("Clock", "One running instance of an entitlement for one victim, opened by one event."),
    ("Period", "A clock belongs to the period in which it started, by London date, both ends included."),
    (
        "as_at",
        "Only what had been recorded at this moment counts; the same moment always gives the same figures.",
    ),
    (
        "history_loaded_at",
        "When past years were last loaded. Loading them tells what was known in the past, so figures as at an"
        " earlier moment may differ from those in a report made before.",
    ),
    ("edition", "The Victims' Code in force when the clock started; 'local' is the area's own standards."),
    ("clocks_started", "All clocks of the row: the sum of the eight statuses from met to not_applicable."),
    ("due", "met + met_late + overdue. Empty for an entitlement without a limit, which can't be late."),
    ("met", "Done on or before the due date; for an entitlement without a limit, done so far."),
    ("met_late", "Done after the due date."),
    ("overdue", "Not done, the due date has passed, and whoever would have seen it reports to this service."),
    ("running", "Not done, and the due date has not passed, or there is none."),
    (
        "unknown",
        "The due date has passed; whether it was done is recorded only outside this service. It counts in no rate.",
    ),
    ("declined", "The victim declined in time."),
    ("withheld_for_safety", "Held back to keep the victim safe; reopens when there is a safe way."),
    ("not_applicable", "The entitlement is owed only to other victims or in other cases."),
    (
        "rate",
        "met / due to four decimals; empty for an entitlement without a limit, if due is 0, or if a part is"
        " suppressed. Never add entitlements without a limit to those that have one.",
    ),
    ("target", "The standard agreed for the area; empty if there is none."),
    (
        "suppressed",
        "yes: counts from 1 to 4 in the row, and others that would give them away, are left empty.",
    ),
)
