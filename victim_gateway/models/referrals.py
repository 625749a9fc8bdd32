"""Referrals and what caseworkers do with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Enum, ForeignKey, Index, Integer, Text, TextClause, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.harms import HarmFacts, harms_of_referral
from victim_gateway.rules.hold import in_order_of_harm
from victim_gateway.rules.transitions import REFERRAL_TRANSITIONS
from victim_gateway.rules.work_order_sql import (
    build_due_key,
    build_harm_key,
    build_high_key,
    build_risk_key,
)
from victim_gateway.vocabulary import (
    AttemptOutcome,
    Channel,
    CloseOutcome,
    Harm,
    HeldReason,
    NextAction,
    ReferralSource,
    ReferralState,
    Risk,
    TaskKind,
    WaitingOn,
)

_OPEN = "next_act <> 'nothing'"
# What the keys are made of, what row-level security asks for, and every filter: the row itself is not read.
_BESIDE = ("next_due_on", "risk", "domestic_abuse", "officer_grade", "restricted", "waiting_on", "district")


def _work_index(name: str, *first: str | TextClause, where: str, beside: Sequence[str]) -> Index:
    """An index of some referrals in the order of the work queue, within each value of `first`."""
    order: list[Any] = [
        text(build_high_key()),
        text(build_due_key()),
        text(build_risk_key()),
        "next_since",
        "id",
    ]
    return Index(name, *first, *order, postgresql_include=[*_BESIDE, *beside], postgresql_where=text(where))


class Referral(Base):
    """What was reported about one person and one crime, by whom, when, and where it stands.

    `sealed` (the person's key): crime_number, incident_number, location, officer_name, officer_email,
    safe_contact_note, source_contact, what_happened, and `as_given` (feed values that could not be read).
    `next_action` (column `next_act`), `waiting_on`, `next_due_on`, `next_since`, `last_step_at` and `risk` are
    caches for the queue, written in the transaction that changes what they are made of.
    """

    __tablename__ = "referral"
    __table_args__ = (
        Index("uq_referral_feed_reference", "feed_reference", unique=True),
        # All that the service's own figures read of a referral.
        Index("ix_referral_received_figures", "received_at", postgresql_include=["id", "source", "state"]),
        Index("ix_referral_entered_in_error", "id", postgresql_where=text("state = 'entered_in_error'")),
        # The lists of work, in their order, with what is open alone: a closed referral stands in none of them.
        _work_index("ix_referral_open", where=_OPEN, beside=["next_act", "assigned_to_id"]),
        _work_index("ix_referral_next_act", "next_act", where=_OPEN, beside=["assigned_to_id"]),
        _work_index(
            "ix_referral_caseworker",
            "assigned_to_id",
            where=f"{_OPEN} AND assigned_to_id IS NOT NULL",
            beside=["next_act"],
        ),
        _work_index(
            "ix_referral_with_provider",
            where="waiting_on = 'provider'",
            beside=["next_act", "assigned_to_id"],
        ),
        _work_index(
            "ix_referral_held",
            text(build_harm_key()),
            where="state = 'held'",
            beside=["next_act", "assigned_to_id", "held_reason", "held_reasons"],
        ),
        Index(
            "ix_referral_search_parts",
            "search_parts",
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 512},
            postgresql_where=text("search_parts IS NOT NULL"),
        ),
        Index("ix_referral_without_search_parts", "id", postgresql_where=text("search_parts IS NULL")),
        # The order in which open referrals come to a standstill.
        Index(
            "ix_referral_closed_at",
            "closed_at",
            postgresql_include=["id", "outcome", "person_id", "assigned_to_id"],
            postgresql_where=text("state = 'closed'"),
        ),
        Index(
            "ix_referral_last_step",
            "last_step_at",
            postgresql_include=[
                "id",
                "assigned_to_id",
                "waiting_on",
                "next_due_on",
                "risk",
                "domestic_abuse",
                "officer_grade",
            ],
            postgresql_where=text(f"{_OPEN} AND last_step_at IS NOT NULL"),
        ),
        CheckConstraint("(state = 'held') = (held_reason IS NOT NULL)", name="held_with_reason"),
        CheckConstraint(
            "state <> 'closed' OR (outcome IS NOT NULL AND closed_at IS NOT NULL)", name="closed_with_outcome"
        ),
        CheckConstraint("source <> 'police_feed' OR feed_reference IS NOT NULL", name="feed_has_reference"),
        CheckConstraint("recorded_as IN ('crime', 'asb', 'non_crime')", name="recorded_as"),
        CheckConstraint("officer_grade IN ('standard', 'medium', 'high')", name="officer_grade"),
        CheckConstraint(
            "(restorative_yes_at IS NULL) = (restorative_yes_by_id IS NULL)", name="restorative_yes_has_both"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    reference: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"), index=True)
    source: Mapped[ReferralSource]
    source_organisation: Mapped[str | None]
    force: Mapped[str | None]
    feed_reference: Mapped[str | None]
    # Checked once a statement (models/keys.py).
    import_batch_id: Mapped[UUID | None]
    import_row_number: Mapped[int | None]
    received_at: Mapped[datetime] = mapped_column(index=True)
    received_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    recorded_as: Mapped[str] = mapped_column(default="crime")
    offence: Mapped[str]
    offence_code: Mapped[str | None]
    # What a person ticked; `harms` adds what wording, code and flags say.
    chosen_harms: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    # Where it happened; where the person lives is `residence_district`, None where nobody has asked.
    district: Mapped[str | None]
    residence_district: Mapped[str | None] = mapped_column(Text)
    lsoa_code: Mapped[str | None]
    victim_type: Mapped[str] = mapped_column(default="person")
    occurred_from: Mapped[datetime | None]
    occurred_to: Mapped[datetime | None]
    reported_at: Mapped[datetime | None]
    vulnerable: Mapped[bool] = mapped_column(default=False)
    intimidated: Mapped[bool] = mapped_column(default=False)
    persistently_targeted: Mapped[bool] = mapped_column(default=False)
    serious_crime: Mapped[bool] = mapped_column(default=False)
    domestic_abuse: Mapped[bool] = mapped_column(default=False)
    hate_strand: Mapped[str | None]
    interpreter_needed: Mapped[bool] = mapped_column(default=False)
    police_consent: Mapped[str] = mapped_column(default="not_asked")
    police_outcome: Mapped[str | None]
    sealed: Mapped[bytes]
    crime_number_hash: Mapped[bytes | None] = mapped_column(index=True)
    # Keyed parts of the force's reference and the crime number; None where the index pass has not been.
    search_parts: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    corrected_fields: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    restricted: Mapped[bool] = mapped_column(default=False)
    state: Mapped[ReferralState] = mapped_column(default=ReferralState.RECEIVED)
    # The gravest of `held_reasons`, which are all that stand; the release before wrote only this one.
    held_reason: Mapped[HeldReason | None]
    held_reasons: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    assigned_to_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    risk: Mapped[Risk] = mapped_column(default=Risk.UNKNOWN)
    # What the officer graded the risk, as sealed in the document too; `risk` is our own view.
    officer_grade: Mapped[str | None] = mapped_column(Text)
    # A senior caseworker's yes to restorative justice after domestic or sexual abuse.
    restorative_yes_at: Mapped[datetime | None]
    restorative_yes_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    # How high the risk was then: it falls when the risk rises. None: a yes from before that was kept.
    restorative_yes_risk: Mapped[str | None] = mapped_column(Text)
    # For which harms it was given: one that is recorded later asks anew.
    restorative_yes_harms: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    # The type is spelled out for its name: the database's check is called `ck_referral_nextact`.
    next_action: Mapped[NextAction] = mapped_column(
        "next_act",
        Enum(
            NextAction,
            name="nextact",
            native_enum=False,
            create_constraint=True,
            length=40,
            values_callable=lambda members: [member.value for member in members],
        ),
        default=NextAction.ASSIGN,
    )
    waiting_on: Mapped[WaitingOn] = mapped_column(default=WaitingOn.GATEWAY)
    next_due_on: Mapped[date | None]
    next_since: Mapped[datetime]
    # The last step that a person took on it (`rules/case_steps.py`), or its receipt; None until the next refresh.
    last_step_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[CloseOutcome | None]
    version: Mapped[int] = mapped_column(default=1)

    def move_to(self, state: ReferralState) -> None:
        """Change the state. Raises TransitionNotAllowed when the step is not one of the allowed."""
        if state not in REFERRAL_TRANSITIONS[self.state]:
            raise TransitionNotAllowed(
                f"This referral is {self.state.replace('_', ' ')}, so it can't become {state.replace('_', ' ')}."
            )
        self.state = state

    @property
    def harms(self) -> tuple[Harm, ...]:
        """The harms it carries, the gravest first: by wording, code, flags, and what a person ticked."""
        return harms_of_referral(
            HarmFacts(
                offence=self.offence,
                offence_code=self.offence_code,
                recorded_as=self.recorded_as,
                victim_type=self.victim_type,
                domestic_abuse=self.domestic_abuse,
                serious_crime=self.serious_crime,
                hate_strand=self.hate_strand,
                chosen=[Harm(harm) for harm in self.chosen_harms or ()],
            )
        )

    @property
    def standing_reasons(self) -> tuple[HeldReason, ...]:
        """Every reason for which the referral is held, the gravest first."""
        if self.held_reason is None:
            return ()
        return in_order_of_harm({self.held_reason, *(HeldReason(reason) for reason in self.held_reasons)})

    @property
    def is_taken_back_by_force(self) -> bool:
        """Whether it waits for how it ends after the force took it back: of a living person, who may be at risk."""
        reasons = self.standing_reasons
        return HeldReason.WITHDRAWN_BY_FORCE in reasons and HeldReason.PERSON_DIED not in reasons

    def set_held_reasons(self, reasons: Sequence[HeldReason]) -> None:
        """Note why the referral is held, the gravest first; none takes the hold's reasons away."""
        self.held_reasons = [reason.value for reason in reasons]
        self.held_reason = reasons[0] if reasons else None


class ReferralAccess(Base):
    """Who may see a restricted referral; for any other referral it has no effect."""

    __tablename__ = "referral_access"

    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True)
    granted_at: Mapped[datetime]
    granted_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))


class ContactAttempt(Base):
    """One try at reaching a person, with what was checked first. `sealed` (person's key): words."""

    __tablename__ = "contact_attempt"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True)
    attempted_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    channel: Mapped[Channel]
    outcome: Mapped[AttemptOutcome]
    safe_contact_plan_id: Mapped[UUID | None] = mapped_column(ForeignKey("safe_contact_plan.id"))
    safety_checked: Mapped[bool]
    sealed: Mapped[bytes | None]


class TriageAssessment(Base):
    """What a person needs and how much at risk they are, at one moment. Never edited: a new one is a new version.

    `needs` maps each need of the area's scale to 0 (none) up to the scale's top. Which DASH indicators were ticked is
    not kept, as half of them are about the suspect: only the score. `least_risk` is what the rules of that day asked
    for. `sealed` (person's key): words, reasons, children, communication, and the answers of this kind of victim.
    """

    __tablename__ = "triage_assessment"
    __table_args__ = (
        Index("uq_triage_assessment_version", "referral_id", "version", unique=True),
        CheckConstraint("dash_score BETWEEN 0 AND 24", name="dash_score"),
        CheckConstraint(
            "(dash_score IS NULL) = (dash_on IS NULL) AND (dash_score IS NULL) = (dash_by IS NULL)",
            name="dash_has_origin",
        ),
        CheckConstraint("dash_by IN ('gateway', 'police', 'other_agency')", name="dash_by"),
        CheckConstraint("incidents BETWEEN 0 AND 999", name="incidents"),
        CheckConstraint("least_risk IN ('standard', 'medium', 'high')", name="least_risk"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    version: Mapped[int]
    assessed_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    needs: Mapped[dict[str, Any]]
    risk: Mapped[Risk]
    risk_grounds: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    enhanced_categories: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    wants_restorative_justice: Mapped[str] = mapped_column(default="not_asked")
    dash_score: Mapped[int | None]
    dash_on: Mapped[date | None]
    dash_by: Mapped[str | None] = mapped_column(Text)
    incidents: Mapped[int | None]
    least_risk: Mapped[str | None] = mapped_column(Text)
    # Why a senior reviews it; empty where nobody must.
    review_causes: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    wanted: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    sealed: Mapped[bytes | None]


class Note(Base):
    """A case note with subject and body. With `onward_referral_id` it is a message both sides see.

    `sealed` holds {"subject", "body"}: under the person's key, or the handover's when shared.
    """

    __tablename__ = "note"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True)
    onward_referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("onward_referral.id"), index=True)
    written_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    by_name: Mapped[str]
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    sealed: Mapped[bytes]


class Task(Base):
    """A decision that a person must take. `details` names fields, never values."""

    __tablename__ = "task"
    __table_args__ = (
        Index("uq_task_one_open", "dedupe_key", unique=True, postgresql_where=text("done_at IS NULL")),
        Index("ix_task_open", "referral_id", postgresql_where=text("done_at IS NULL")),
        Index(
            "ix_task_high_risk_review",
            "due_on",
            "id",
            postgresql_where=text("done_at IS NULL AND kind = 'high_risk_review'"),
        ),
        Index(
            "ix_task_same_person",
            "id",
            postgresql_where=text("kind = 'possible_same_person' AND done_at IS NULL"),
        ),
        Index(
            "ix_task_appointment_cancelled",
            "due_on",
            postgresql_where=text("kind = 'appointment_cancelled' AND done_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    kind: Mapped[TaskKind]
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    onward_referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("onward_referral.id"))
    dedupe_key: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    due_on: Mapped[date | None]
    done_at: Mapped[datetime | None]
    done_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
