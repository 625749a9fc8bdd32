"""Three things that sound alike and are kept apart, each a column for a statement about referrals.

Repeat in 12 months is counted: the person had another referral in the year before this one. Persistently targeted is
judged by a caseworker, with a reason and a day of review. A MARAC repeat is a referral that came within 12 months of
one of the person to a multi-agency risk assessment conference. All of them look at every record of the person.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Date, cast, exists, func, select
from sqlalchemy.orm import aliased

from victim_gateway.models import MaracReferral, Referral, TargetingAssessment
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.vocabulary import ReferralState

YEARS = 1


def count_earlier_referrals() -> ColumnElement[int]:
    """How many referrals of the person came in the year before this one, as far as the reader may see them."""
    before = aliased(Referral)
    return (
        select(func.count())
        .select_from(before)
        .where(
            is_record_of(before.person_id, Referral.person_id, of_row=Referral),
            before.id != Referral.id,
            before.received_at < Referral.received_at,
            before.received_at >= Referral.received_at - func.make_interval(YEARS),
            before.state != ReferralState.ENTERED_IN_ERROR,
        )
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
    """Whether the person was referred to MARAC in the 12 months before this referral came."""
    received_on = cast(func.timezone("Europe/London", Referral.received_at), Date)
    return (
        exists()
        .where(
            is_record_of(MaracReferral.person_id, Referral.person_id, of_row=Referral),
            MaracReferral.referred_on < received_on,
            MaracReferral.referred_on >= received_on - func.make_interval(YEARS),
        )
        .correlate(Referral)
    )
