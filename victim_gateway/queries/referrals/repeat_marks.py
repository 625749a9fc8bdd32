"""Three things that sound alike and are kept apart, each a column for a statement about referrals.

Repeat in 12 months is counted: the person had another referral in the year before this one. Persistently targeted is
judged by a caseworker, with a reason and a day of review. A MARAC repeat is what happened within the area's months
after a multi-agency risk assessment conference heard the person. All of them look at every record of the person.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, and_, bindparam, cast, exists, func, select

from victim_gateway.database.current import current_settings
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.models import MaracDecision, Referral, TargetingAssessment
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.rules.marac import MaracOutcome
from victim_gateway.vocabulary import ReferralState

YEARS = 1


def count_earlier_referrals() -> ColumnElement[int]:
    """How many referrals of the person came in the year before this one, as far as the reader may see them."""
    before = named_alias(Referral, "before")
    is_in_the_year_before = and_(
        before.id != Referral.id,
        before.received_at < Referral.received_at,
        before.received_at >= Referral.received_at - func.make_interval(YEARS),
        before.state != ReferralState.ENTERED_IN_ERROR,
    )
    # In the count and not beside it: the index by day would be read too, a hundred thousand entries for each row.
    return (
        select(func.count().filter(is_in_the_year_before))
        .select_from(before)
        .where(is_record_of(before.person_id, Referral.person_id, of_row=Referral))
        .correlate(Referral)
        .scalar_subquery()
    )


def is_persistently_targeted() -> ColumnElement[Any]:
    """What a caseworker judged last; null where nobody has."""
    return (
        select(TargetingAssessment.is_targeted)
        .where(is_record_of(TargetingAssessment.person_id, Referral.person_id, of_row=Referral))
        .order_by(TargetingAssessment.assessed_at.desc(), TargetingAssessment.id.desc())
        .limit(1)
        .correlate(Referral)
        .scalar_subquery()
    )


def is_marac_repeat() -> ColumnElement[bool]:
    """Whether this is a MARAC repeat: as a person said with the decision on it, else as the rule proposes.

    The rule (`rules/marac.py`): a meeting heard the person in the area's months before its last day.
    """
    said, heard, of_heard = (
        named_alias(MaracDecision, "said"),
        named_alias(MaracDecision, "heard"),
        named_alias(Referral, "of_heard"),
    )
    incident = func.coalesce(
        Referral.occurred_to, Referral.occurred_from, Referral.reported_at, Referral.received_at
    )
    incident_on = cast(func.timezone("Europe/London", incident), Date)
    months = func.make_interval(0, bindparam("marac_months", callable_=_marac_months, type_=Integer))
    by_person = (
        select(said.is_repeat)
        .where(said.referral_id == Referral.id, said.is_referred, said.taken_back_at.is_(None))
        .order_by(said.recorded_at.desc(), said.id)
        .limit(1)
        .correlate(Referral)
        .scalar_subquery()
    )
    by_rule = (
        exists()
        .where(
            heard.referral_id == of_heard.id,
            is_record_of(of_heard.person_id, Referral.person_id, of_row=Referral),
            heard.outcome == MaracOutcome.HEARD.value,
            heard.taken_back_at.is_(None),
            heard.meeting_on < incident_on,
            heard.meeting_on >= incident_on - months,
        )
        .correlate(Referral)
    )
    return func.coalesce(by_person, by_rule)


def _marac_months() -> int:
    return current_settings().area.triage.marac_repeat_months
