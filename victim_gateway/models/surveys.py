"""What people say of the service: the questions of one stage, asked once, by a link or on the telephone."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from victim_gateway.extensions import Base
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import Channel, SurveyManner, SurveyStage, SurveyState


class SatisfactionSurvey(Base):
    """The questions of one stage to the person of a referral. A stage is asked about once, whatever came of it.

    `link_hash` is of the secret in the link, which is kept nowhere; `contact_attempt_id` the contact at which the link
    went out, None while a message is yet to carry it. `sealed` (person's key): answers, words.
    """

    __tablename__ = "satisfaction_survey"
    __table_args__ = (
        Index("uq_satisfaction_survey_once", "referral_id", "stage", unique=True),
        Index("uq_satisfaction_survey_link_hash", "link_hash", unique=True),
        Index("ix_satisfaction_survey_answered", "answered_at", postgresql_where=text("state = 'answered'")),
        CheckConstraint(
            "(state = 'answered') = (answered_at IS NOT NULL) AND (state = 'answered') = (manner IS NOT NULL)"
            " AND (state = 'answered') = (sealed IS NOT NULL)",
            name="answered_whole",
        ),
        CheckConstraint("(state = 'refused') = (refused_at IS NOT NULL)", name="refused_whole"),
        CheckConstraint(
            "num_nonnulls(link_hash, link_channel, link_made_at, link_expires_at) IN (0, 4)"
            " AND (contact_attempt_id IS NULL OR link_hash IS NOT NULL)",
            name="link_whole",
        ),
        CheckConstraint("state <> 'offered' OR link_hash IS NOT NULL", name="offered_by_link"),
        CheckConstraint("octet_length(link_hash) = 32", name="hash_size"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_row_id)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    stage: Mapped[SurveyStage]
    state: Mapped[SurveyState]
    recorded_at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    link_hash: Mapped[bytes | None]
    link_channel: Mapped[Channel | None]
    link_made_at: Mapped[datetime | None]
    link_expires_at: Mapped[datetime | None]
    contact_attempt_id: Mapped[UUID | None] = mapped_column(ForeignKey("contact_attempt.id"))
    manner: Mapped[SurveyManner | None]
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    is_satisfied: Mapped[bool | None]
    refused_at: Mapped[datetime | None]
    sealed: Mapped[bytes | None]
