"""How satisfied people were, by stage: counts alone, small numbers hidden, nothing that says whose answer it was."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway.models import SatisfactionSurvey
from victim_gateway.reporting.small_shares import SmallShare, protect_share
from victim_gateway.times import from_london_wall
from victim_gateway.vocabulary import SurveyStage, SurveyState


def satisfaction_by_stage(session: Session, first: date, last: date) -> dict[SurveyStage, SmallShare]:
    """By stage, those who answered on London days, both included, and how many of them were satisfied.

    There is no total: it would tell what is hidden of a single stage.
    """
    rows = session.execute(
        select(
            SatisfactionSurvey.stage,
            func.count().label("answered"),
            func.count().filter(SatisfactionSurvey.is_satisfied.is_(True)).label("satisfied"),
        )
        .where(
            SatisfactionSurvey.state == SurveyState.ANSWERED,
            SatisfactionSurvey.answered_at >= _midnight(first),
            SatisfactionSurvey.answered_at < _midnight(last + timedelta(days=1)),
        )
        .group_by(SatisfactionSurvey.stage)
        .order_by(SatisfactionSurvey.stage)
    )
    counted = {row.stage: (row.answered, row.satisfied) for row in rows}
    return {stage: protect_share(*counted.get(stage, (0, 0))) for stage in SurveyStage}


def _midnight(day: date) -> datetime:
    return from_london_wall(datetime(day.year, day.month, day.day))
