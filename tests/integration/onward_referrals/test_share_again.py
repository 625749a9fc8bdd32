"""A correction of what a provider was given: a task, one sharing, the old kept, and unread is asked about."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from tests.factories import casework
from tests.factories.feeds import feed_row
from tests.factories.imports import IMPORTED_AT, import_rows, imported_referral
from tests.integration.onward_referrals.arrange import (
    MORNING,
    Given,
    a_provider,
    offered,
    onward_row,
    referral_row,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, TransitionNotAllowed, UnsafeContact
from victim_gateway.models import (
    Consent,
    EntitlementClock,
    HandoverVersion,
    Person,
    ProviderNotice,
    SafeContactPlan,
    Task,
)
from victim_gateway.queries.onward_referrals.detail import onward_referral_view
from victim_gateway.queries.onward_referrals.outdated_handover import earlier_handovers, outdated_fields
from victim_gateway.queries.onward_referrals.provider_notices import note_notices_read
from victim_gateway.services import onward_referrals
from victim_gateway.services.referrals import consents, corrections, entered_in_error, status
from victim_gateway.services.referrals.assessment_reviews import ReviewAnswer, review_assessment
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    ConsentHow,
    ConsentPurpose,
    DeclineReason,
    HandoverPart,
    NextAction,
    NoticeKind,
    Risk,
    Role,
    TaskKind,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def new_era(owner: Owner, make_actor: MakeActor) -> Given:
    return a_provider(owner, make_actor, "new-era")


def correct(caseworker: Actor, owner: Owner, onward_id: UUID, **changes: object) -> None:
    corrections.correct_details(
        Command(caseworker, MORNING + HOUR),
        onward_row(owner, onward_id).referral_id,
        changes,
        reason="They told us",
    )


def answer_sharing(caseworker: Actor, owner: Owner, onward_id: UUID, scope: tuple[HandoverPart, ...]) -> None:
    onward = onward_row(owner, onward_id)
    answer = consents.ConsentAnswer(
        purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
        agreed=True,
        how=ConsentHow.BY_PHONE,
        given_at=MORNING,
        recipient_organisation_id=onward.provider_id,
        scope=scope,
    )
    consents.record_consent(Command(caseworker, MORNING + HOUR), onward.referral_id, answer)


def open_task(owner: Owner, kind: TaskKind) -> Task | None:
    with owner() as session:
        return session.scalar(select(Task).where(Task.kind == kind, Task.done_at.is_(None)))


def shared_name(actor: Actor, onward_id: UUID) -> str:
    with transaction(actor) as session:
        view = onward_referral_view(
            session, onward_id, reader_organisation_id=actor.organisation_id, at=MORNING
        )
    return str(view.handover.get("name"))


def test_a_correction_is_asked_for_shared_once_and_kept_in_the_history(
    owner: Owner, caseworker: Actor, new_era: Given
) -> None:
    onward_id = offered(caseworker, new_era)
    correct(caseworker, owner, onward_id, family_name="Ashton", language="Polish", date_of_birth="1989-05-04")
    task = open_task(owner, TaskKind.SHARE_AGAIN)
    assert task is not None
    assert (task.onward_referral_id, task.details) == (onward_id, {"shared": ["name", "age", "language"]})
    with transaction(caseworker) as session:
        changes = {item.field: (item.before, item.now) for item in outdated_fields(session, onward_id)}
    assert changes["name"] == ("Wilma Ashdown", "Wilma Ashton")
    assert shared_name(new_era.provider, onward_id) == "Wilma Ashdown"

    answer_sharing(caseworker, owner, onward_id, (HandoverPart.AGE,))
    with pytest.raises(InvalidInput, match="does not reach"):
        onward_referrals.share_again(Command(caseworker, MORNING + 2 * HOUR), onward_id)
    answer_sharing(caseworker, owner, onward_id, ())
    command = Command(caseworker, MORNING + 2 * HOUR, version=onward_row(owner, onward_id).version)
    assert onward_referrals.share_again(command, onward_id) == ("name", "age", "language")
    assert shared_name(new_era.provider, onward_id) == "Wilma Ashton"
    assert open_task(owner, TaskKind.SHARE_AGAIN) is None
    with pytest.raises(TransitionNotAllowed):
        onward_referrals.share_again(Command(caseworker, MORNING + 3 * HOUR), onward_id)
    with transaction(caseworker) as session:
        (earlier,) = earlier_handovers(session, onward_id)
    assert earlier.handover["name"] == "Wilma Ashdown"
    assert (earlier.fields, earlier.replaced_at) == (("name", "age", "language"), MORNING + 2 * HOUR)
    with owner() as session:
        (notice,) = session.scalars(
            select(ProviderNotice).where(ProviderNotice.kind == NoticeKind.SHARED_AGAIN)
        )
        sealed = session.scalars(select(HandoverVersion.sealed)).one()
    assert notice.fields == ["name", "age", "language"]
    assert b"Ashdown" not in sealed


def test_an_assessment_makes_the_risk_outdated_and_one_back_that_a_senior_agrees_to_ends_the_task(
    owner: Owner, caseworker: Actor, new_era: Given, senior: Actor
) -> None:
    referral_id = casework.assessed(caseworker)
    onward_id = offered(caseworker, new_era, referral_id=referral_id)
    casework.assess(referral_id, caseworker, at=MORNING + HOUR, risk=Risk.HIGH)
    task = open_task(owner, TaskKind.SHARE_AGAIN)
    assert task is not None
    assert set(task.details["shared"]) == {"risk", "risk_grounds"}
    casework.assess(referral_id, caseworker, at=MORNING + 2 * HOUR)
    assert open_task(owner, TaskKind.SHARE_AGAIN) is not None
    review_assessment(Command(senior, MORNING + 3 * HOUR, version=3), referral_id, ReviewAnswer(True))
    assert open_task(owner, TaskKind.SHARE_AGAIN) is None
    assert onward_row(owner, onward_id).state == "offered"


def test_what_was_not_shared_and_a_birthday_since_are_no_correction(
    owner: Owner, caseworker: Actor, new_era: Given
) -> None:
    onward_id = offered(caseworker, new_era, share=[HandoverPart.AGE])
    corrections.correct_details(
        Command(caseworker, MORNING + 365 * DAY),
        onward_row(owner, onward_id).referral_id,
        {"family_name": "Ashton"},
    )
    assert open_task(owner, TaskKind.SHARE_AGAIN) is None


def test_what_a_second_referral_fills_in_about_a_known_person_is_asked_for_on_the_first(
    owner: Owner, caseworker: Actor, new_era: Given
) -> None:
    onward_id = offered(caseworker, new_era)
    first = referral_row(owner, onward_id)
    typed = {"language": "Polish"}
    casework.recorded(caseworker, at=MORNING + HOUR, person_id=first.person_id, person=typed)
    task = open_task(owner, TaskKind.SHARE_AGAIN)
    assert task is not None
    assert (task.referral_id, task.details) == (first.id, {"shared": ["language"]})
    assert referral_row(owner, onward_id).next_action is NextAction.DO_TASK


def test_nothing_more_is_shared_while_a_safe_channel_has_no_number(
    owner: Owner, caseworker: Actor, new_era: Given
) -> None:
    onward_id = offered(caseworker, new_era)
    correct(caseworker, owner, onward_id, family_name="Ashton")
    person_id = referral_row(owner, onward_id).person_id
    with transaction(Actor.worker("tests")) as session:
        plan = session.scalars(select(SafeContactPlan).where(SafeContactPlan.person_id == person_id)).one()
        person = session.get_one(Person, person_id)
        key = encrypted_rows.open_key(session, person.key_id)
        said = {"channels": {"email": "yes"}}
        plan.sealed = encrypted_rows.seal_row(key, "safe_contact_plan", plan.id, said)
        plan.safe_channels = ["email"]
    with pytest.raises(UnsafeContact):
        onward_referrals.share_again(Command(caseworker, MORNING + 2 * HOUR), onward_id)


def test_nothing_more_is_shared_once_the_yes_was_taken_back_or_the_support_has_ended(
    owner: Owner, caseworker: Actor, new_era: Given
) -> None:
    onward_id = offered(caseworker, new_era)
    correct(caseworker, owner, onward_id, family_name="Ashton")
    with owner() as session:
        session.execute(update(Consent).values(withdrawn_at=MORNING + HOUR))
    with pytest.raises(InvalidInput):
        onward_referrals.share_again(Command(caseworker, MORNING + 2 * HOUR), onward_id)
    onward_referrals.decline_onward_referral(
        Command(new_era.provider, MORNING + 2 * HOUR),
        onward_id,
        reason=DeclineReason.NO_CAPACITY,
        text="Full",
    )
    assert open_task(owner, TaskKind.SHARE_AGAIN) is None
    with pytest.raises(TransitionNotAllowed):
        onward_referrals.share_again(Command(caseworker, MORNING + 3 * HOUR), onward_id)


def test_a_correction_that_nobody_reads_within_a_working_day_is_asked_about_once(
    owner: Owner, caseworker: Actor, new_era: Given, worker_actor: Actor
) -> None:
    onward_id = offered(caseworker, new_era)
    correct(caseworker, owner, onward_id, family_name="Ashton")
    onward_referrals.share_again(Command(caseworker, MORNING + 2 * HOUR), onward_id)
    # Tuesday; to be read by Wednesday.
    assert onward_referrals.chase_unread_corrections(Command(worker_actor, MORNING + DAY)) == 0
    assert onward_referrals.chase_unread_corrections(Command(worker_actor, MORNING + 2 * DAY)) == 1
    task = open_task(owner, TaskKind.CORRECTION_UNREAD)
    assert task is not None
    assert (task.onward_referral_id, f"{task.due_on}") == (onward_id, "2026-07-16")
    assert onward_referrals.chase_unread_corrections(Command(worker_actor, MORNING + 3 * DAY)) == 0

    with transaction(new_era.provider) as session:
        view = onward_referral_view(
            session, onward_id, reader_organisation_id=new_era.provider.organisation_id, at=MORNING
        )
        unread = [notice.notice_id for notice in view.notices if notice.read_at is None]
        note_notices_read(session, unread, actor=new_era.provider, at=MORNING + 3 * DAY)
    onward_referrals.chase_unread_corrections(Command(worker_actor, MORNING + 3 * DAY))
    assert open_task(owner, TaskKind.CORRECTION_UNREAD) is None
    with transaction(caseworker) as session:
        seen = onward_referral_view(session, onward_id, reader_organisation_id=None, at=MORNING).notices
    assert {notice.read_at for notice in seen} == {MORNING + 3 * DAY}
    assert len({notice.read_by for notice in seen}) == 1


def test_what_the_force_corrects_is_asked_for_too_and_an_error_takes_no_more_events(
    owner: Owner, caseworker: Actor, make_actor: MakeActor, new_era: Given
) -> None:
    row = feed_row(consent_to_referral="yes", safe_to_contact="yes", language="")
    import_rows(row)
    referral_id = imported_referral(row).id
    at = IMPORTED_AT + HOUR
    status.take_referral(Command(caseworker, at), referral_id)
    casework.record_plan(referral_id, caseworker, casework.safe_to_phone(), at=at)
    casework.log_attempt(referral_id, caseworker, at=at)
    casework.assess(referral_id, caseworker, at=at)
    onward_id = offered(caseworker, new_era, referral_id=referral_id, at=at)
    import_rows({**row, "language": "Polish"}, at=at + DAY)
    task = open_task(owner, TaskKind.SHARE_AGAIN)
    assert task is not None
    assert (task.onward_referral_id, task.details["shared"]) == (onward_id, ["language"])
    onward_referrals.share_again(Command(caseworker, at + DAY), onward_id)
    assert referral_row(owner, onward_id).next_action is NextAction.WAIT_FOR_PROVIDER
    # Another crime against the same person: what it says of them is wrong on the first referral, too.
    fresh = feed_row()
    other = row | {name: fresh[name] for name in ("feed_reference", "crime_number")}
    import_rows(other | {"language": "Polish"}, at=at + DAY)
    import_rows(other | {"language": "Czech"}, at=at + DAY + HOUR)
    assert open_task(owner, TaskKind.SHARE_AGAIN) is not None
    assert referral_row(owner, onward_id).next_action is NextAction.DO_TASK

    senior = make_actor(Role.SENIOR)
    entered_in_error.enter_in_error(Command(senior, at + 2 * DAY), referral_id, text="Another person")
    changed = {**row, "language": "Polish", "reported_at": "2026-03-08T09:00:00Z"}
    import_rows(changed, at=at + 3 * DAY)
    with owner() as session:
        mine = select(EntitlementClock).where(EntitlementClock.referral_id == referral_id)
        assert session.scalars(mine).all() == []
