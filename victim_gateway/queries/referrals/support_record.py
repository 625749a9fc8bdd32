"""What is known of the support of a referral: its plan, what was given, readings, what became of needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.kept_wordings import current_area
from victim_gateway.models import (
    NeedResult,
    OutcomeReading,
    SatisfactionSurvey,
    SupportActivity,
    SupportGoal,
    SupportPlan,
    TriageAssessment,
    User,
)
from victim_gateway.vocabulary import (
    GoalState,
    NeedOutcome,
    ReadingStage,
    SupportedParty,
    SupportManner,
    SurveyStage,
)


@dataclass(frozen=True, slots=True)
class GoalVersion:
    """One version of a goal, opened."""

    goal_id: UUID
    version: int
    text: str
    remarks: str
    need: str
    state: GoalState
    agreed_on: date
    target_on: date | None
    recorded_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class PlannedGoal:
    """A goal as it stands, and its earlier versions, newest first."""

    now: GoalVersion
    earlier: tuple[GoalVersion, ...]


@dataclass(frozen=True, slots=True)
class PlanReview:
    """The day by which the plan is looked at again, and the version that forms act on."""

    review_on: date
    version: int


@dataclass(frozen=True, slots=True)
class SupportEntry:
    """One activity, opened. One with `voided_at` counts no more; `is_correction`: it stands in another's place."""

    activity_id: UUID
    kind: str
    manner: SupportManner
    given_on: date
    minutes: int
    for_party: SupportedParty
    goal_id: UUID | None
    text: str
    by: str
    is_correction: bool
    place: str | None
    voided_at: datetime | None


@dataclass(frozen=True, slots=True)
class TakenReading:
    """One reading, opened."""

    reading_id: UUID
    stage: ReadingStage
    values: Mapping[str, int]
    taken_on: date
    by: str
    text: str
    voided_at: datetime | None


@dataclass(frozen=True, slots=True)
class NeedResultNow:
    """The last answer about what became of a need."""

    outcome: NeedOutcome
    text: str
    recorded_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class ClosingOutcomes:
    """What of the outcomes is missing when a referral is to be closed; `was_asked`: how it went, at the end."""

    has_start: bool
    has_end: bool
    was_asked: bool
    needs: tuple[str, ...]
    unanswered: tuple[str, ...]


def planned_goals(session: Session, referral_id: UUID, key: bytes) -> tuple[PlannedGoal, ...]:
    """Every goal of the plan, those that are open first, then in the order in which they were agreed."""
    rows = session.execute(
        select(SupportGoal, User.name)
        .join(User, User.id == SupportGoal.by_id)
        .where(SupportGoal.referral_id == referral_id)
        .order_by(SupportGoal.goal_id, SupportGoal.version.desc())
    )
    versions: dict[UUID, list[GoalVersion]] = {}
    for row, name in rows:
        versions.setdefault(row.goal_id, []).append(_goal_version(row, name, key))
    goals = [PlannedGoal(found[0], tuple(found[1:])) for found in versions.values()]
    return tuple(
        sorted(
            goals,
            key=lambda goal: (goal.now.state is not GoalState.OPEN, goal.now.agreed_on, goal.now.goal_id),
        )
    )


def _goal_version(row: SupportGoal, by: str, key: bytes) -> GoalVersion:
    opened = encrypted_rows.unseal_row(key, "support_goal", row.id, row.sealed)
    return GoalVersion(
        goal_id=row.goal_id,
        version=row.version,
        text=opened["goal"],
        remarks=opened["remarks"],
        need=row.need,
        state=row.state,
        agreed_on=row.agreed_on,
        target_on=row.target_on,
        recorded_at=row.recorded_at,
        by=by,
    )


def plan_review(session: Session, referral_id: UUID) -> PlanReview | None:
    """When the plan is looked at again; None where no day was set."""
    row = session.execute(
        select(SupportPlan.review_on, SupportPlan.version).where(
            SupportPlan.referral_id == referral_id, SupportPlan.superseded_at.is_(None)
        )
    ).first()
    return PlanReview(row.review_on, row.version) if row else None


def support_entries(session: Session, referral_id: UUID, key: bytes) -> tuple[SupportEntry, ...]:
    """Every activity, newest first; those that were voided too."""
    rows = session.execute(
        select(SupportActivity, User.name)
        .join(User, User.id == SupportActivity.by_id)
        .where(SupportActivity.referral_id == referral_id)
        .order_by(
            SupportActivity.given_on.desc(), SupportActivity.recorded_at.desc(), SupportActivity.id.desc()
        )
    )
    return tuple(_entry(row, name, key) for row, name in rows)


def _entry(row: SupportActivity, name: str, key: bytes) -> SupportEntry:
    document = encrypted_rows.unseal_row(key, "support_activity", row.id, row.sealed)
    return SupportEntry(
        activity_id=row.id,
        kind=row.kind,
        manner=row.manner,
        given_on=row.given_on,
        minutes=row.minutes,
        for_party=row.for_party,
        goal_id=row.goal_id,
        text=document["words"],
        by=name,
        is_correction=row.corrects_id is not None,
        place=document.get("place"),
        voided_at=row.voided_at,
    )


def minutes_by_kind(entries: Iterable[SupportEntry]) -> dict[str, int]:
    """The time spent by kind, the longest first; what was voided does not count."""
    totals: dict[str, int] = {}
    for entry in entries:
        if entry.voided_at is None:
            totals[entry.kind] = totals.get(entry.kind, 0) + entry.minutes
    return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))


def taken_readings(session: Session, referral_id: UUID, key: bytes) -> tuple[TakenReading, ...]:
    """Every reading on the area's measure, in the order in which they were taken: start, reviews, end."""
    measure = current_area().support.outcome_measure
    rows = session.execute(
        select(OutcomeReading, User.name)
        .join(User, User.id == OutcomeReading.by_id)
        .where(OutcomeReading.referral_id == referral_id, OutcomeReading.measure == measure.key)
    )
    place = list(ReadingStage)
    return tuple(
        sorted(
            (
                TakenReading(
                    reading_id=row.id,
                    stage=row.stage,
                    values=row.values,
                    taken_on=row.taken_on,
                    by=name,
                    text=encrypted_rows.unseal_row(key, "outcome_reading", row.id, row.sealed)["words"],
                    voided_at=row.voided_at,
                )
                for row, name in rows
            ),
            key=lambda reading: (reading.taken_on, place.index(reading.stage), reading.reading_id),
        )
    )


def need_results(session: Session, referral_id: UUID, key: bytes) -> dict[str, NeedResultNow]:
    """By need, the last answer about what became of it."""
    rows = session.execute(
        select(NeedResult, User.name)
        .join(User, User.id == NeedResult.by_id)
        .where(NeedResult.referral_id == referral_id)
        .order_by(NeedResult.version)
    )
    # A later version takes the place of the one before.
    return {
        row.need: NeedResultNow(
            outcome=row.outcome,
            text=encrypted_rows.unseal_row(key, "need_result", row.id, row.sealed)["words"],
            recorded_at=row.recorded_at,
            by=name,
        )
        for row, name in rows
    }


def assessed_needs(session: Session, referral_id: UUID) -> tuple[str, ...]:
    """The needs that any assessment found, in the order of the area's scale."""
    found = {
        need
        for needs in session.scalars(
            select(TriageAssessment.needs).where(TriageAssessment.referral_id == referral_id)
        )
        for need, step in needs.items()
        if step
    }
    return tuple(key for key, _ in current_area().needs.areas if key in found)


def closing_outcomes(session: Session, referral_id: UUID) -> ClosingOutcomes:
    """What of readings and answers is missing at the end. It is shown, and keeps no referral from being closed."""
    stages = set(
        session.scalars(
            select(OutcomeReading.stage).where(
                OutcomeReading.referral_id == referral_id, OutcomeReading.voided_at.is_(None)
            )
        )
    )
    needs = assessed_needs(session, referral_id)
    answered = set(session.scalars(select(NeedResult.need).where(NeedResult.referral_id == referral_id)))
    return ClosingOutcomes(
        has_start=ReadingStage.START in stages,
        has_end=ReadingStage.END in stages,
        was_asked=bool(session.scalar(_was_asked(referral_id))),
        needs=needs,
        unanswered=tuple(need for need in needs if need not in answered),
    )


def _was_asked(referral_id: UUID) -> Select[tuple[bool]]:
    """Whether the person was asked at the end how it went, whatever they said."""
    asked = exists().where(
        SatisfactionSurvey.referral_id == referral_id, SatisfactionSurvey.stage == SurveyStage.AT_CLOSING
    )
    return select(asked)
