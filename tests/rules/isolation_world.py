"""Two providers and those who must not see each other's: arranged before and after there is something to see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import select, update

from tests.integration.onward_referrals.arrange import a_provider, offered, onward_row
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import (
    Attachment,
    Membership,
    OnwardReferral,
    ProviderNotice,
    RecordedKindStep,
    Reminder,
    ServiceAppointment,
    SharedFile,
    User,
)
from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.service_record_vocabulary import AppointmentManner, AppointmentState, KindStep
from victim_gateway.services import onward_referrals
from victim_gateway.services.referrals import notes
from victim_gateway.services.reminders.reminder_pass import run_reminder_pass
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    AttachmentKind,
    AttachmentState,
    NoticeKind,
    Role,
    SharedFileState,
    WithdrawReason,
)


@dataclass(frozen=True)
class Reader:
    """An account that must not see what is arranged later; `works_for` where that must be chosen.

    `is_colleague`: it works for the watched organisation, and so knows who else does; `keeps_organisation`: it looks
    after the accounts and the services of that organisation.
    """

    name: str
    actor: Actor
    is_colleague: bool = False
    keeps_organisation: bool = False
    sees_lists: bool = True
    works_for: UUID | None = None


@dataclass(frozen=True)
class Target:
    """The records of one onward referral: every part of an address that names one of them, and its reference."""

    parts: dict[str, object]
    reference: str


class IsolationWorld:
    """`readers` with records of their own; `hide` then makes what is not theirs."""

    def __init__(self, owner: Owner, make_actor: MakeActor) -> None:
        self.owner, self.at = owner, times.now()
        self.caseworker = make_actor(Role.CASEWORKER)
        self.watched = a_provider(owner, make_actor, "new-era")
        narrow = a_provider(owner, make_actor, "new-era")
        other = a_provider(owner, make_actor, "rj-hub")
        for given in (narrow, other):
            offered(self.caseworker, given, at=self.at - timedelta(days=9))
        none, disabled, ended, both = (make_actor(Role.PROVIDER, organisation="new-era") for _ in range(4))
        self._limit(narrow.provider, [narrow.service_id])
        self._limit(none, [])
        self._join(both, other.provider.organisation_id)
        with owner() as session:
            session.execute(update(User).where(User.id == disabled.user_id).values(disabled_at=self.at))
        administrator = make_actor(Role.PROVIDER_ADMINISTRATOR, organisation="rj-hub")
        narrow_administrator = make_actor(Role.PROVIDER_ADMINISTRATOR, organisation="new-era")
        self._limit(narrow_administrator, [narrow.service_id])
        self.readers = (
            Reader("of another organisation", other.provider),
            Reader("of another service", narrow.provider, is_colleague=True),
            Reader("without a service", none, is_colleague=True),
            Reader(
                "working for the other of two organisations",
                replace(both, organisation_id=other.provider.organisation_id),
                works_for=other.provider.organisation_id,
            ),
            Reader("administrator of another organisation", administrator),
            Reader(
                "administrator with another service",
                narrow_administrator,
                is_colleague=True,
                keeps_organisation=True,
                sees_lists=False,
            ),
            Reader("disabled", disabled, sees_lists=False),
        )
        # Its access to one referral has ended; the others of its service are its own.
        self.left = Reader("after access ended", ended, is_colleague=True, sees_lists=False)
        self._remind()

    def hide(self) -> tuple[Target, Target]:
        """What none of the readers may see: a live referral of the watched service, and one that has ended."""
        yesterday = Command(self.caseworker, self.at - timedelta(days=1))
        live, over = (self._referral() for _ in range(2))
        self._remind()
        taken_back = self._referral()
        onward_referrals.withdraw_onward_referral(
            yesterday, taken_back, reason=WithdrawReason.NO_LONGER_SAFE, text="She asked us to."
        )
        parts = self._parts(live) | {"notice_id": self._notice(taken_back, NoticeKind.WITHDRAWN)}
        ended = self._parts(over)
        onward_referrals.withdraw_onward_referral(
            yesterday, over, reason=WithdrawReason.NO_LONGER_SAFE, text="She asked us to."
        )
        with self.owner() as session:
            # A transaction that ends the access may finish its own work, and a rolled-back test is one transaction.
            over_yesterday = update(OnwardReferral).where(OnwardReferral.id.in_((taken_back, over)))
            session.execute(over_yesterday.values(provider_access_ended_at=yesterday.at))
        return (
            Target(parts, onward_row(self.owner, live).reference),
            Target(ended, onward_row(self.owner, over).reference),
        )

    def _referral(self) -> UUID:
        """Accepted, with a message of each side and a file."""
        then = self.at - timedelta(days=8)
        onward_id = offered(self.caseworker, self.watched, at=then)
        provider = Command(self.watched.provider, then + timedelta(hours=1))
        onward_referrals.accept_onward_referral(provider, onward_id)
        note = notes.NewNote(subject="When", body="May we ring on Monday?")
        notes.write_provider_note(provider, onward_id, note)
        self._share_file(onward_id)
        self._make_appointment(onward_id)
        self._record_step(onward_id)
        return onward_id

    def _make_appointment(self, onward_id: UUID) -> None:
        row = onward_row(self.owner, onward_id)
        with self.owner() as session:
            session.add(
                ServiceAppointment(
                    onward_referral_id=onward_id,
                    provider_id=row.provider_id,
                    worker_id=self.watched.provider.user_id,
                    starts_at=self.at + timedelta(days=2),
                    ends_at=self.at + timedelta(days=2, hours=1),
                    manner=AppointmentManner.PHONE,
                    sealed=b"sealed",
                    state=AppointmentState.PLANNED,
                    made_at=self.at,
                    by_id=self.watched.provider.user_id,
                )
            )

    def _record_step(self, onward_id: UUID) -> None:
        row = onward_row(self.owner, onward_id)
        with self.owner() as session:
            session.add(
                RecordedKindStep(
                    onward_referral_id=onward_id,
                    provider_id=row.provider_id,
                    kind=ServiceKind.ISVA,
                    step=KindStep.ENGAGED,
                    happened_on=self.at.date(),
                    recorded_at=self.at,
                    by_id=self.watched.provider.user_id,
                    by_name="Secret Worker",
                )
            )

    def _share_file(self, onward_id: UUID) -> None:
        row = onward_row(self.owner, onward_id)
        with self.owner() as session:
            attachment = Attachment(
                id=uuid4(),
                referral_id=row.referral_id,
                number=1,
                kind=AttachmentKind.PDF,
                size=8,
                state=AttachmentState.CLEAN,
                sealed=b"sealed",
                added_at=self.at,
                added_by_id=self.caseworker.user_id,
                checked_at=self.at,
            )
            session.add(attachment)
            session.flush()
            session.add(
                SharedFile(
                    onward_referral_id=onward_id,
                    attachment_id=attachment.id,
                    number=1,
                    kind=AttachmentKind.PDF,
                    size=8,
                    state=SharedFileState.SHARED,
                    asked_at=self.at,
                    asked_by_id=self.caseworker.user_id,
                    made_at=self.at,
                    shared_at=self.at,
                    shared_by_id=self.caseworker.user_id,
                )
            )

    def _parts(self, onward_id: UUID) -> dict[str, object]:
        notice_id = self._notice(onward_id, NoticeKind.NEW_OFFER)
        with self.owner() as session:
            reminder = select(Reminder.id).where(
                Reminder.onward_referral_id == onward_id, Reminder.recipient_organisation_id.is_not(None)
            )
            shared = select(SharedFile.id).where(SharedFile.onward_referral_id == onward_id)
            appointment = select(ServiceAppointment.id).where(
                ServiceAppointment.onward_referral_id == onward_id
            )
            step = select(RecordedKindStep.id).where(RecordedKindStep.onward_referral_id == onward_id)
            member = select(Membership.id).where(Membership.user_id == self.watched.provider.user_id)
            return {
                "onward_referral_id": onward_id,
                "reminder_id": session.scalars(reminder).first(),
                "shared_file_id": session.scalars(shared).one(),
                "notice_id": notice_id,
                "appointment_id": session.scalars(appointment).one(),
                "step_id": session.scalars(step).one(),
                "membership_id": session.scalars(member).one(),
                "user_id": self.watched.provider.user_id,
                "own_service_id": self.watched.service_id,
                "service_id": self.watched.service_id,
            }

    def _notice(self, onward_id: UUID, kind: NoticeKind) -> UUID:
        own = (ProviderNotice.onward_referral_id == onward_id) & (ProviderNotice.kind == kind)
        with self.owner() as session:
            return session.scalars(select(ProviderNotice.id).where(own)).one()

    def _remind(self) -> None:
        run_reminder_pass(actor=Actor.worker("tests"), at=self.at + timedelta(days=10))

    def _limit(self, actor: Actor, service_ids: list[UUID]) -> None:
        own = Membership.user_id == actor.user_id
        with self.owner() as session:
            session.execute(update(Membership).where(own).values(all_services=False, service_ids=service_ids))

    def _join(self, actor: Actor, organisation_id: UUID | None) -> None:
        with self.owner() as session:
            session.add(
                Membership(
                    user_id=actor.user_id,
                    organisation_id=organisation_id,
                    role=Role.PROVIDER,
                    all_services=True,
                    created_at=self.at,
                )
            )
