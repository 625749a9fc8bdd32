"""What reminder rules speak of, one cause each, and the open reminders of a rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, text, update

from tests.integration.onward_referrals.arrange import Given, a_referral, offered
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.models import (
    Consent,
    ContactAttempt,
    DeviceLoan,
    EntitlementClock,
    ImportBatch,
    Referral,
    Reminder,
    SafeContactPlan,
    SafetyDevice,
    Task,
    Withholding,
)
from victim_gateway.services import onward_referrals
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    AttemptOutcome,
    Channel,
    CloseOutcome,
    ConsentHow,
    ConsentPurpose,
    ImportKind,
    ImportState,
    NextAction,
    ReferralState,
    Role,
    TaskKind,
    WaitingOn,
    WithholdingState,
)

DAY = timedelta(days=1)


@dataclass
class World:
    """Who is there, and a way to write what a test is about."""

    owner: Owner
    caseworker: Actor
    make_actor: MakeActor
    given: Given
    ids: dict[str, Any] = field(default_factory=dict)

    def change(self, model: Any, row_id: Any, **values: Any) -> None:
        with self.owner() as session:
            session.execute(update(model).where(model.id == row_id).values(**values))

    def add(self, row: Any) -> Any:
        with self.owner() as session:
            session.add(row)
            session.flush()
            return row.id

    def quiet_referral(self, **values: Any) -> UUID:
        """A referral of the caseworker that has a next action far ahead, so that no other rule speaks."""
        referral_id = a_referral(self.caseworker, at=datetime(2026, 3, 2, 9, tzinfo=UTC))
        usual = {
            "next_action": NextAction.REFER_OR_CLOSE,
            "waiting_on": WaitingOn.GATEWAY,
            "next_due_on": date(2030, 1, 1),
            "assigned_to_id": self.caseworker.user_id,
            "last_step_at": None,
        }
        self.change(Referral, referral_id, **(usual | values))
        with self.owner() as session:
            person_id = session.scalars(select(Referral.person_id).where(Referral.id == referral_id)).one()
            session.execute(update(SafeContactPlan).values(checked_at=datetime(2029, 1, 1, tzinfo=UTC)))
        self.ids |= {"referral": referral_id, "person": person_id}
        return referral_id


@dataclass(frozen=True)
class Cause:
    """One cause: when its rule speaks first (London, as ISO), and what ends it."""

    code: str
    spoken_from: str
    arrange: Callable[[World], None]
    end: Callable[[World], None]
    to_seniors: bool = False


def open_reminders_of(owner: Owner, code: str) -> list[Reminder]:
    with owner() as session:
        chosen = select(Reminder).where(Reminder.resolved_at.is_(None), Reminder.rule_code == code)
        return list(session.scalars(chosen.order_by(Reminder.dedupe_key)))


def _next_action(action: NextAction, due_on: date) -> Callable[[World], None]:
    return lambda world: _keep(world.quiet_referral(next_action=action, next_due_on=due_on))


def _keep(_value: object) -> None:
    return None


def _no_action(world: World) -> None:
    world.change(Referral, world.ids["referral"], next_due_on=date(2031, 1, 1))


def _task(world: World) -> None:
    referral_id = world.quiet_referral()
    world.ids["task"] = world.add(
        Task(
            kind=TaskKind.HIGH_RISK_REVIEW,
            referral_id=referral_id,
            dedupe_key="review",
            created_at=datetime(2026, 4, 1, tzinfo=UTC),
            due_on=date(2026, 4, 7),
        )
    )


def _task_done(world: World) -> None:
    moment = datetime(2026, 4, 8, tzinfo=UTC)
    world.change(Task, world.ids["task"], done_at=moment, done_by_id=world.caseworker.user_id)


def _offer(world: World) -> None:
    # Offered on the Tuesday before Christmas; the answer is due two working days on, on the Thursday.
    at = datetime(2026, 12, 22, 9, tzinfo=UTC)
    world.ids["onward"] = offered(world.caseworker, world.given, at=at)


def _answered(world: World) -> None:
    at = datetime(2026, 12, 29, 9, tzinfo=UTC)
    onward_referrals.accept_onward_referral(Command(world.given.provider, at), world.ids["onward"])


def _accepted(world: World) -> None:
    at = datetime(2026, 12, 22, 9, tzinfo=UTC)
    _offer(world)
    onward_referrals.accept_onward_referral(Command(world.given.provider, at), world.ids["onward"])


def _provider_ended(world: World) -> None:
    with world.owner() as session:
        session.execute(update(EntitlementClock).values(status="met"))


def _stalled(world: World) -> None:
    world.quiet_referral(
        last_step_at=datetime(2026, 3, 23, 10, tzinfo=UTC), next_due_on=date(2026, 3, 24), risk="standard"
    )


def _step(world: World) -> None:
    moment = datetime(2026, 4, 25, tzinfo=UTC)
    world.change(Referral, world.ids["referral"], last_step_at=moment)


def _duty(world: World) -> None:
    referral_id = world.quiet_referral()
    moment = datetime(2026, 3, 31, 9, tzinfo=UTC)
    with world.owner() as session:
        edition, entitlement = session.execute(
            text(
                "SELECT edition, entitlement_id FROM code_entitlement WHERE owner = 'police' AND edition <> 'local'"
                " ORDER BY 1, 2 LIMIT 1"
            )
        ).one()
        for _ in range(2):
            session.add(
                EntitlementClock(
                    referral_id=referral_id,
                    edition=edition,
                    entitlement_id=entitlement,
                    start_event_id=uuid4(),
                    started_at=moment,
                    started_on=moment.date(),
                    unit="working_day",
                    limit_days=2,
                    enhanced=False,
                    due_on=date(2026, 4, 2),
                    status="running",
                    late_status="unknown",
                    computed_as_at=moment,
                )
            )


def _noticed(world: World) -> None:
    moment = datetime(2026, 4, 7, 10, tzinfo=UTC)
    with world.owner() as session:
        session.execute(update(EntitlementClock).values(status="met_late", stopped_at=moment))


def _plan(world: World) -> None:
    world.quiet_referral()
    with world.owner() as session:
        # The area's 28 days end on 4 April 2026.
        session.execute(update(SafeContactPlan).values(checked_at=datetime(2026, 3, 7, 12, tzinfo=UTC)))


def _asked_again(world: World) -> None:
    with world.owner() as session:
        session.execute(update(SafeContactPlan).values(checked_at=datetime(2026, 4, 2, 12, tzinfo=UTC)))


def _consent(world: World) -> None:
    referral_id = world.quiet_referral()
    given_at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    world.ids["consent"] = world.add(
        Consent(
            person_id=world.ids["person"],
            referral_id=referral_id,
            purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
            recipient_organisation_id=world.given.provider.organisation_id,
            agreed=True,
            how=ConsentHow.SPOKEN,
            given_at=given_at,
            recorded_at=given_at,
        )
    )


def _consent_renewed(world: World) -> None:
    moment = datetime(2026, 9, 1, tzinfo=UTC)
    world.change(Consent, world.ids["consent"], withdrawn_at=moment)


def _talk(world: World, moment: datetime) -> None:
    world.add(
        ContactAttempt(
            referral_id=world.ids["referral"],
            attempted_at=moment,
            recorded_at=moment,
            by_id=world.caseworker.user_id,
            channel=Channel.PHONE,
            outcome=AttemptOutcome.REACHED,
            safety_checked=True,
        )
    )


def _supported(world: World) -> None:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    onward_id = offered(world.caseworker, world.given, at=at)
    onward_referrals.accept_onward_referral(Command(world.given.provider, at), onward_id)
    with world.owner() as session:
        world.ids["referral"] = session.scalars(select(Referral.id)).one()
    world.change(Referral, world.ids["referral"], next_due_on=date(2030, 1, 1), last_step_at=None)
    _talk(world, datetime(2026, 3, 2, 12, tzinfo=UTC))


def _talked(world: World) -> None:
    _talk(world, datetime(2026, 3, 30, 12, tzinfo=UTC))


def _kept_back(world: World) -> None:
    referral_id = world.quiet_referral()
    asked_at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    senior = world.make_actor(Role.SENIOR)
    world.ids["withholding"] = world.add(
        Withholding(
            referral_id=referral_id,
            entitlement_id="victim_told_of_charge",
            state=WithholdingState.AGREED,
            asked_at=asked_at,
            asked_by_id=world.caseworker.user_id,
            sealed=b"-",
            review_on=date(2026, 12, 29),
            decided_at=asked_at,
            decided_by_id=senior.user_id,
        )
    )


def _kept_promise(world: World) -> None:
    moment = datetime(2026, 12, 23, 12, tzinfo=UTC)
    world.change(
        Withholding,
        world.ids["withholding"],
        state=WithholdingState.ENDED,
        ended_at=moment,
        ended_by_id=world.caseworker.user_id,
    )


def _lent(world: World) -> None:
    referral_id = world.quiet_referral()
    moment = datetime(2026, 3, 2, 12, tzinfo=UTC)
    device_id = world.add(
        SafetyDevice(
            kind="personal_alarm", serial_number="1", added_at=moment, added_by_id=world.caseworker.user_id
        )
    )
    world.ids["loan"] = world.add(
        DeviceLoan(
            device_id=device_id,
            referral_id=referral_id,
            issued_on=moment.date(),
            due_back_on=date(2026, 4, 8),
            recorded_at=moment,
            by_id=world.caseworker.user_id,
        )
    )


def _given_back(world: World) -> None:
    world.change(
        DeviceLoan,
        world.ids["loan"],
        ended_on=date(2026, 4, 2),
        ending="returned",
        ended_by_id=world.caseworker.user_id,
    )


def _closed(world: World) -> None:
    world.quiet_referral(
        state=ReferralState.CLOSED,
        closed_at=datetime(2026, 3, 31, 12, tzinfo=UTC),
        outcome=CloseOutcome.NEEDS_MET,
        next_action=NextAction.NOTHING,
        waiting_on=WaitingOn.NO_ONE,
        next_due_on=None,
    )
    _talk(world, datetime(2026, 3, 30, 12, tzinfo=UTC))


def _reopened(world: World) -> None:
    world.change(Referral, world.ids["referral"], state=ReferralState.REOPENED)


def a_file(world: World, moment: datetime) -> None:
    """A police file that was handed in at a moment."""
    with world.owner() as session:
        key_id = session.scalar(text("SELECT id FROM wrapped_key LIMIT 1"))
    assert key_id is not None
    world.add(
        ImportBatch(
            kind=ImportKind.POLICE_FEED,
            state=ImportState.FINISHED,
            file_name="feed.csv",
            bytes_total=1,
            history=False,
            key_id=key_id,
            by_name="feed",
            created_at=moment,
        )
    )


def _files_of_yesterday(world: World) -> None:
    world.quiet_referral()
    a_file(world, datetime(2026, 4, 2, 8, tzinfo=UTC))


def _file_of_today(world: World) -> None:
    a_file(world, datetime(2026, 4, 7, 9, 1, tzinfo=UTC))


CAUSES = (
    # Easter: Good Friday is 3 April 2026, Easter Monday 6 April. One working day before the 7th is the 2nd.
    Cause(
        "first_contact",
        "2026-04-02T00:00+01:00",
        _next_action(NextAction.MAKE_CONTACT, date(2026, 4, 7)),
        _no_action,
    ),
    Cause(
        "triage", "2026-12-24T00:00+00:00", _next_action(NextAction.ASSESS, date(2026, 12, 29)), _no_action
    ),
    Cause(
        "closing_checks",
        "2026-03-27T00:00+00:00",
        _next_action(NextAction.REFER_OR_CLOSE, date(2026, 3, 30)),
        _no_action,
    ),
    Cause(
        "next_step",
        "2026-10-23T00:00+01:00",
        _next_action(NextAction.DO_TASK, date(2026, 10, 26)),
        _no_action,
    ),
    Cause("high_risk_review", "2026-04-07T00:00+01:00", _task, _task_done, to_seniors=True),
    Cause("provider_answer", "2026-12-23T00:00+00:00", _offer, _answered),
    Cause("provider_first_contact", "2026-12-30T00:00+00:00", _accepted, _provider_ended),
    # Twenty working days after Monday 23 March, over Easter.
    Cause("stalled", "2026-04-22T00:00+01:00", _stalled, _step),
    Cause("partner_duty", "2026-04-02T00:00+01:00", _duty, _noticed),
    Cause("safe_contact_recheck", "2026-04-01T00:00+01:00", _plan, _asked_again),
    Cause("consent_recheck", "2026-08-31T00:00+01:00", _consent, _consent_renewed),
    Cause("follow_up_call", "2026-03-30T00:00+01:00", _supported, _talked),
    Cause("withholding_review", "2026-12-23T00:00+00:00", _kept_back, _kept_promise, to_seniors=True),
    Cause("device_due_back", "2026-04-01T00:00+01:00", _lent, _given_back),
    Cause("survey", "2026-04-09T00:00+01:00", _closed, _reopened),
    Cause("retention_review", "2032-03-29T00:00+01:00", _closed, _reopened, to_seniors=True),
    Cause("feed_late", "2026-04-07T10:00+01:00", _files_of_yesterday, _file_of_today, to_seniors=True),
)
