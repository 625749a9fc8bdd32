"""The times of readers: what each chose, else what their area says."""

from __future__ import annotations

from typing import Any

from victim_gateway.database.current import current_settings
from victim_gateway.models import MailPreference
from victim_gateway.rules.mail_times import MailTimes
from victim_gateway.vocabulary import PROVIDER_ROLES, Role

PREFERENCE_COLUMNS = (
    MailPreference.user_id.label("chosen_by"),
    MailPreference.digest_time,
    MailPreference.digest_days,
    MailPreference.quiet_from,
    MailPreference.quiet_until,
    MailPreference.at_once,
)


def usual_times(role: Role) -> MailTimes:
    """What holds for a reader who never chose.

    A provider has no quiet hours then: it may work at night, and is told at once of what changes for a person.
    """
    area = current_settings().area.mail
    is_quiet = role not in PROVIDER_ROLES
    return MailTimes(
        digest_time=area.digest_time,
        digest_days=area.digest_days,
        quiet_from=area.quiet_from if is_quiet else None,
        quiet_until=area.quiet_until if is_quiet else None,
    )


def times_of(row: Any, role: Role) -> MailTimes:
    """The times in a row with `PREFERENCE_COLUMNS`."""
    if row.chosen_by is None:
        return usual_times(role)
    return MailTimes(
        digest_time=row.digest_time,
        digest_days=tuple(row.digest_days),
        quiet_from=row.quiet_from,
        quiet_until=row.quiet_until,
        at_once=row.at_once,
    )
