"""Onward referrals: from the Gateway to a provider, with exactly what the person agreed to share."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.extensions import Base
from victim_gateway.offer_vocabulary import DeclineConsequence, ReturnReason
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.inbox_order_sql import (
    build_due_key,
    build_live_condition,
    build_planned_key,
    build_section_key,
)
from victim_gateway.rules.transitions import ONWARD_TRANSITIONS
from victim_gateway.vocabulary import DeclineReason, OnwardState, Risk, ServiceOutcome


class OnwardReferral(Base):
    """One offer of one person to one service of one provider.

    `handover_sealed` and `safe_contact_sealed` are under the handover's own key (`key_id`), which the
    provider can read only while `provider_access_ended_at` is null: declining, withdrawal, expiry and
    ending close everything at once. `safe_contact_sealed` is refreshed when the person's plan changes;
    the handover is a snapshot, which changes only when a caseworker shares again.

    `provider_clock_on` is the day of the provider's earliest open clock, kept by a trigger of the clocks: "infinity"
    for a clock without a day, null where none is open. Python has no such date, so it is read in SQL alone.
    `shared_risk` is the risk of the sealed handover, beside it so that the inbox can put those in danger first.
    """

    __tablename__ = "onward_referral"
    __table_args__ = (
        Index(
            "uq_onward_referral_one_live",
            "referral_id",
            "service_id",
            unique=True,
            postgresql_where=text(
                "state IN ('draft', 'offered', 'acknowledged', 'information_requested', 'accepted', 'in_service')"
            ),
        ),
        Index("ix_onward_referral_inbox", "provider_id", "state"),
        # What a provider may still see: the reminder pass and its inbox read these alone.
        Index(
            "ix_onward_referral_live",
            "provider_id",
            "state",
            postgresql_include=["id", "referral_id", "reference", "answer_due_on"],
            postgresql_where=text("provider_access_ended_at IS NULL"),
        ),
        # All that the service's own figures read of an offer.
        Index(
            "ix_onward_referral_offered_figures",
            "offered_at",
            postgresql_include=["provider_id", "referral_id", "state", "answered_at"],
        ),
        # The inbox of a provider, section by section in its order.
        Index(
            "ix_onward_referral_inbox_order",
            "provider_id",
            text(build_section_key()),
            text(build_due_key()),
            text(build_planned_key()),
            "offered_at",
            "id",
            postgresql_include=[
                # By the service the policies decide who may see it.
                "service_id",
                "state",
                "answer_due_on",
                "provider_clock_on",
                "first_contact_planned_on",
                "provider_access_ended_at",
            ],
            postgresql_where=text(build_live_condition()),
        ),
        CheckConstraint("(consent_id IS NULL) <> (sharing_override_id IS NULL)", name="rests_on_one"),
        CheckConstraint("state <> 'declined' OR decline_reason IS NOT NULL", name="declined_with_reason"),
        CheckConstraint("state <> 'closed' OR outcome IS NOT NULL", name="closed_with_outcome"),
        CheckConstraint(
            "state IN ('draft', 'offered', 'acknowledged', 'information_requested', 'accepted', 'in_service', 'closed')"
            " OR provider_access_ended_at IS NOT NULL",
            name="ended_is_closed_to_provider",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    reference: Mapped[str] = mapped_column(unique=True)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"))
    service_id: Mapped[UUID] = mapped_column(ForeignKey("provider_service.id"))
    # What it rests on: the person's yes, or a senior caseworker's yes to sharing without it.
    consent_id: Mapped[UUID | None] = mapped_column(ForeignKey("consent.id"))
    sharing_override_id: Mapped[UUID | None] = mapped_column(ForeignKey("sharing_override.id"))
    key_id: Mapped[UUID] = mapped_column(ForeignKey("wrapped_key.id"), index=True)
    handover_sealed: Mapped[bytes]
    safe_contact_sealed: Mapped[bytes]
    state: Mapped[OnwardState] = mapped_column(default=OnwardState.OFFERED)
    offered_at: Mapped[datetime]
    offered_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    answer_due_on: Mapped[date | None]
    provider_clock_on: Mapped[date | None] = mapped_column(deferred=True)
    acknowledged_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    first_contact_at: Mapped[datetime | None]
    first_contact_planned_on: Mapped[date | None]
    ended_at: Mapped[datetime | None]
    decline_reason: Mapped[DeclineReason | None]
    decline_confirmed_at: Mapped[datetime | None]
    # What followed from the decline, and when the provider said that it had declined by mistake.
    decline_consequence: Mapped[DeclineConsequence | None]
    decline_mistake_at: Mapped[datetime | None]
    return_reason: Mapped[ReturnReason | None]
    # The service that the provider proposes instead of its own; the Gateway decides.
    proposed_service_id: Mapped[UUID | None] = mapped_column(ForeignKey("provider_service.id"))
    outcome: Mapped[ServiceOutcome | None]
    provider_access_ended_at: Mapped[datetime | None]
    shared_risk: Mapped[Risk | None]
    version: Mapped[int] = mapped_column(default=1)

    def move_to(self, state: OnwardState) -> None:
        """Change the state. Raises TransitionNotAllowed when the step is not one of the allowed."""
        if state not in ONWARD_TRANSITIONS[self.state]:
            raise TransitionNotAllowed(
                f"This onward referral is {self.state.replace('_', ' ')}, so it can't become {state.replace('_', ' ')}."
            )
        self.state = state


class HandoverVersion(Base):
    """A handover as it was before it was shared again: sealed under the handover's key, for the Gateway alone.

    `fields` names what changed with the sharing that replaced it, `replaced_at` and `replaced_by_id` when that
    was and who did it. `amendment_sealed` (same key) is what both sides see of it: old and new values, why and by whom.
    """

    __tablename__ = "handover_version"
    __table_args__ = (Index("uq_handover_version_number", "onward_referral_id", "number", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    onward_referral_id: Mapped[UUID] = mapped_column(ForeignKey("onward_referral.id"))
    number: Mapped[int]
    sealed: Mapped[bytes]
    amendment_sealed: Mapped[bytes | None]
    fields: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    replaced_at: Mapped[datetime]
    replaced_by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
