"""What is counted because of the kind of a service: who asked and engaged, and free help to businesses by its kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from victim_gateway.database.table_aliases import named_alias
from victim_gateway.models import OnwardReferral, RecordedKindStep
from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.reporting.small_shares import SMALLEST_SHOWN, SmallShare, protect_share
from victim_gateway.rules.service_kinds import KIND_RULES
from victim_gateway.service_record_vocabulary import KindStep
from victim_gateway.vocabulary import OnwardState

_ENGAGEMENT = tuple(kind for kind in ServiceKind if KIND_RULES[kind].counts_engagement)
_HELP = tuple(
    dict.fromkeys(each.step for rules in KIND_RULES.values() for each in rules.steps if each.counts_minutes)
)


@dataclass(frozen=True, slots=True)
class HelpCount:
    """Minutes of help of one kind, and to how many it was given; None where that is from 1 to 4 and hidden."""

    step: KindStep
    helped: int | None
    minutes: int | None


@dataclass(frozen=True, slots=True)
class KindFigures:
    """Of those who asked for an adviser how many engaged, by kind of service, and the help given to businesses."""

    engaged: tuple[tuple[ServiceKind, SmallShare], ...]
    help_given: tuple[HelpCount, ...]


def kind_figures(session: Session, first: date, last: date) -> KindFigures:
    """The figures of a whole quarter by the day on which people asked, or were helped; small numbers are hidden.

    A referral counts once for each kind, whoever took the work of its provider over. Engaged is who has engaged by now.
    """
    asked = dict(_asked_and_engaged(session, first, last))
    given = {step: (helped, minutes) for step, helped, minutes in _minutes(session, first, last)}
    return KindFigures(
        tuple((kind, protect_share(*asked.get(kind, (0, 0)))) for kind in _ENGAGEMENT),
        tuple(_protect_help(step, *given.get(step, (0, 0))) for step in _HELP),
    )


def _protect_help(step: KindStep, helped: int, minutes: int) -> HelpCount:
    is_small = 0 < helped < SMALLEST_SHOWN
    return HelpCount(step, None if is_small else helped, None if is_small else minutes)


def _asked_and_engaged(
    session: Session, first: date, last: date
) -> list[tuple[ServiceKind, tuple[int, int]]]:
    later, other = named_alias(RecordedKindStep, "later"), named_alias(OnwardReferral, "other")
    engaged = (
        select(later.id)
        .join(other, other.id == later.onward_referral_id)
        .where(
            other.referral_id == OnwardReferral.referral_id,
            later.kind == RecordedKindStep.kind,
            later.step == KindStep.ENGAGED,
            later.taken_back_at.is_(None),
        )
        .exists()
    )
    referral = distinct(OnwardReferral.referral_id)
    rows = session.execute(
        select(RecordedKindStep.kind, func.count(referral), func.count(referral).filter(engaged))
        .join(OnwardReferral, OnwardReferral.id == RecordedKindStep.onward_referral_id)
        .where(
            RecordedKindStep.step == KindStep.ASKED_FOR_SERVICE,
            RecordedKindStep.taken_back_at.is_(None),
            RecordedKindStep.happened_on.between(first, last),
            OnwardReferral.state != OnwardState.ENTERED_IN_ERROR,
        )
        .group_by(RecordedKindStep.kind)
    )
    return [(kind, (number, of_them)) for kind, number, of_them in rows]


def _minutes(session: Session, first: date, last: date) -> list[tuple[KindStep, int, int]]:
    rows = session.execute(
        select(
            RecordedKindStep.step,
            func.count(distinct(OnwardReferral.referral_id)),
            func.sum(RecordedKindStep.minutes),
        )
        .join(OnwardReferral, OnwardReferral.id == RecordedKindStep.onward_referral_id)
        .where(
            RecordedKindStep.step.in_(_HELP),
            RecordedKindStep.taken_back_at.is_(None),
            RecordedKindStep.happened_on.between(first, last),
            OnwardReferral.state != OnwardState.ENTERED_IN_ERROR,
        )
        .group_by(RecordedKindStep.step)
    )
    return [(step, helped, minutes or 0) for step, helped, minutes in rows]
