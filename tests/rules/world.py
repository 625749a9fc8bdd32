"""One of everything, so that every page of the service has something to show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from uuid import UUID, uuid4

from sqlalchemy import select

from tests.factories import casework
from tests.factories.feeds import feed_file, feed_row
from tests.factories.sealed_documents import seal_documents
from tests.integration.onward_referrals import arrange
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.models import (
    Consent,
    EntitlementClock,
    Membership,
    ParkedMessage,
    PersonDistinction,
    ProviderNotice,
    ProviderService,
    Referral,
    Reminder,
    ReviewItem,
    SuspectContact,
    Task,
)
from victim_gateway.offer_vocabulary import OfferGroupMode
from victim_gateway.rules.court_and_review import BookingTimes
from victim_gateway.rules.drafts import DraftPlace
from victim_gateway.rules.handover import HandoverText
from victim_gateway.rules.marac import MaracReason
from victim_gateway.services import onward_referrals
from victim_gateway.services.imports import uploads
from victim_gateway.services.onward_referrals import SharingConsent, succession, succession_batches
from victim_gateway.services.onward_referrals.succession import SuccessionPlan
from victim_gateway.services.operations import kept_lists
from victim_gateway.services.providers import directory
from victim_gateway.services.providers import uploads as directory_uploads
from victim_gateway.services.referrals import (
    complaints,
    group_reviews,
    incidents,
    outcome_readings,
    person_links,
    safety_devices,
    support_activities,
    support_plan,
    video_links,
)
from victim_gateway.services.referrals.marac import MaracAnswer, decide_marac
from victim_gateway.services.referrals.person_distinctions import mark_as_two
from victim_gateway.services.reminders import reminder_pass
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.drafts import DraftPage, keep_draft
from victim_gateway.services.victim_messages.asking import new_message
from victim_gateway.services.victim_messages.gate_facts import open_subject
from victim_gateway.victim_message_vocabulary import VictimMessageKind, VictimMessageState
from victim_gateway.vocabulary import (
    PROVIDER_ROLES,
    Channel,
    ComplaintSubject,
    ConsentHow,
    DraftKind,
    ImportKind,
    LinkRole,
    MeasureState,
    ParkReason,
    ReadingStage,
    Risk,
    Role,
    SupportManner,
    TaskKind,
)


@dataclass(frozen=True)
class World:
    """Who there is, and a value for every part of an address."""

    actors: dict[Role, Actor]
    parts: dict[str, object]


def build(owner: Owner, make_actor: MakeActor) -> World:
    """A person assessed and offered to a provider, a file imported with a row set aside, an account of each role."""
    now = times.now()
    actors = {role: make_actor(role) for role in Role if role not in PROVIDER_ROLES}
    given = arrange.a_provider(owner, make_actor)
    actors[Role.PROVIDER] = given.provider
    actors[Role.PROVIDER_ADMINISTRATOR] = make_actor(Role.PROVIDER_ADMINISTRATOR, organisation="new-era")
    caseworker = actors[Role.CASEWORKER]
    referral_id, onward_id = offered(caseworker, given.service_id)
    seal_documents(referral_id, referral={"as_given": {"domestic_abuse": "see notes"}})
    free = arrange.a_provider(owner, make_actor, "rj-hub")
    batch_id = uploads.upload_file(
        Command(actors[Role.SENIOR], now),
        feed_file(feed_row(), feed_row(offence="")),
        kind=ImportKind.POLICE_FEED,
        file_name="feed.csv",
        history=False,
    )
    uploads.run_uploaded_batch(batch_id, actor=Actor.worker("tests"), at=now)
    parts: dict[str, object] = {
        "referral_id": referral_id,
        "onward_referral_id": onward_id,
        "decision_id": _marac_decision(caseworker, referral_id),
        "service_id": free.service_id,
        "provider_id": free.provider.organisation_id,
        "successor_id": given.provider.organisation_id,
        "succession_id": _succession(actors[Role.SENIOR], free, given),
        "own_service_id": given.service_id,
        "upload_id": _directory_file(actors[Role.ADMIN]),
        "file_format": "csv",
        "batch_id": batch_id,
        "user_id": caseworker.user_id,
        "membership_id": _membership(owner, given.provider),
        "edition": "local",
        "entitlement_id": "first_contact_attempted",
        "name": "answer",
        "tab": "mine",
        "column": "domestic_abuse",
        "shown": "team",
        **_inside(owner, referral_id),
        **_related(owner, caseworker, referral_id),
        **_support(caseworker, referral_id),
        "reminder_id": _reminder(owner, caseworker),
        "message_id": _parked_message(owner),
        "notice_id": _notice(owner, onward_id),
        "secret": "no-link-has-this-secret",
        "stage": "after_first_contact",
        "booking_id": _booking(caseworker, referral_id),
        "review_id": uuid4(),
        "review_step": "met",
        "draft_id": _draft(caseworker, referral_id),
        **_rights(actors, referral_id),
        "group_id": _offer_group(caseworker, given.service_id, free.service_id),
        "list_key": "note_templates",
        "code": "first_call",
        "rule_code": "stalled",
        "change_kind": "retire",
        "incident_id": incidents.open_incident(
            Command(caseworker, now), referral_id, incidents.IncidentFacts(title="Burglaries in Mill Lane")
        ),
        **_group_review(owner, actors, referral_id),
        "victim_message_id": _victim_message(caseworker, referral_id),
        "message_kind": "tried_to_reach",
        "message_channel": "sms",
    }
    kept_lists.add_list_entry(
        Command(actors[Role.ADMIN], now), "note_templates", label="First call", body="Is it safe?"
    )
    return World(actors, parts)


def _succession(senior: Actor, old: arrange.Given, new: arrange.Given) -> UUID:
    """What would move from one provider to another, looked at and not agreed to."""
    assert old.provider.organisation_id is not None and new.provider.organisation_id is not None
    plan = SuccessionPlan(old.provider.organisation_id, new.provider.organisation_id, {})
    succession_id = succession.open_succession(Command(senior, times.now()), plan)
    while not succession_batches.work_on_next_batch(succession_id, at=times.now()):
        pass
    return succession_id


def _victim_message(caseworker: Actor, referral_id: UUID) -> UUID:
    """A message to the person that is stuck and waits for a decision."""
    with transaction(Actor.worker("tests")) as session:
        subject = open_subject(session, session.get_one(Referral, referral_id))
        message = new_message(subject, VictimMessageKind.TRIED_TO_REACH, Channel.SMS, at=times.now())
        message.asked_by_id, message.is_by_hand = caseworker.user_id, True
        message.state = VictimMessageState.PARKED
        session.add(message)
    return message.id


def _directory_file(admin: Actor) -> UUID:
    """A file of the directory that would change nothing, waiting for a yes."""
    text = directory.directory_as_csv(directory.export_entries(actor=admin))
    return directory_uploads.keep_directory_file(Command(admin, times.now()), BytesIO(text.encode()))


def _inside(owner: Owner, referral_id: UUID) -> dict[str, object]:
    """Things that belong to the referral: a consent, a running clock, a task."""
    with owner() as session:
        consent_id = session.scalars(select(Consent.id).where(Consent.referral_id == referral_id)).first()
        clock_id = session.scalars(
            select(EntitlementClock.id).where(EntitlementClock.referral_id == referral_id)
        ).first()
        task = Task(
            kind=TaskKind.SAFE_CONTACT_CHECK,
            referral_id=referral_id,
            dedupe_key="a task of the world",
            details={},
            created_at=times.now(),
        )
        session.add(task)
        session.flush()
        return {"consent_id": consent_id, "clock_id": clock_id, "task_id": task.id}


def _related(owner: Owner, caseworker: Actor, referral_id: UUID) -> dict[str, object]:
    """The person of the referral, another one who is linked as living with them, and a suspect's number."""
    now = times.now()
    other = casework.recorded(caseworker, at=now - timedelta(days=2))
    with owner() as session:
        person_id = session.get_one(Referral, referral_id).person_id
        found = session.get_one(Referral, other)
        other_id, reference = found.person_id, found.reference
    link_id = person_links.record_link(
        Command(caseworker, now), person_id, other_reference=reference, role=LinkRole.HOUSEHOLD
    )
    person_links.record_suspect_contact(
        Command(caseworker, now), person_id, phone="07700 900999", email=None, whose=LinkRole.SUSPECT
    )
    with owner() as session:
        contact_id = session.scalars(
            select(SuspectContact.id).where(SuspectContact.person_id == person_id)
        ).one()
    apart = casework.referral(casework.recorded(caseworker, at=now - timedelta(days=2)), caseworker).person_id
    with transaction(caseworker) as session:
        mark_as_two(session, Command(caseworker, now), person_id, [apart])
    with owner() as session:
        distinction_id = session.scalars(select(PersonDistinction.id)).one()
    return {
        "distinction_id": distinction_id,
        "person_id": person_id,
        "other_person_id": other_id,
        "link_id": link_id,
        "contact_id": contact_id,
    }


def _rights(actors: dict[Role, Actor], referral_id: UUID) -> dict[str, object]:
    """A complaint about the police; a sheet and a promise that is kept back are pages of their own tests."""
    command = Command(actors[Role.CASEWORKER], times.now())
    complaint = complaints.NewComplaint(
        received_on=times.london_date(command.at),
        received_from="person",
        about=ComplaintSubject.POLICE,
        summary="Nobody rang.",
    )
    return {
        "complaint_id": complaints.record_complaint(command, referral_id, complaint),
        "step": "acknowledge",
        "sheet_id": uuid4(),
        "withholding_id": uuid4(),
        "override_id": uuid4(),
        "attachment_id": uuid4(),
        "shared_file_id": uuid4(),
        "appointment_id": uuid4(),
        "step_id": uuid4(),
    }


def _support(caseworker: Actor, referral_id: UUID) -> dict[str, object]:
    """A goal, support that was given, and a reading."""
    today, command = times.london_date(times.now()), Command(caseworker, times.now())
    need, _ = current_settings().area.needs.areas[0]
    goal = support_plan.GoalAnswers("To sleep through the night", need, agreed_on=today)
    goal_id = support_plan.add_support_goal(command, referral_id, goal)
    given = support_activities.SupportGiven(
        "advice", SupportManner.WITHOUT_CONTACT, given_on=today, minutes=30, goal_id=goal_id
    )
    areas = current_settings().area.support.outcome_measure.areas
    reading = outcome_readings.NewReading(ReadingStage.START, today, {key: 2 for key, _ in areas})
    device_id = safety_devices.add_safety_device(command, kind="door_camera", serial_number="DC 1")
    loan = safety_devices.NewLoan(device_id, today, today + timedelta(days=30))
    return {
        "loan_id": safety_devices.lend_safety_device(command, referral_id, loan),
        "goal_id": goal_id,
        "activity_id": support_activities.record_support_activity(command, referral_id, given),
        "reading_id": outcome_readings.record_outcome_reading(command, referral_id, reading),
    }


def _booking(caseworker: Actor, referral_id: UUID) -> UUID:
    """A room that is booked for the person in a fortnight."""
    now = times.now()
    room, _ = current_settings().area.support.video_link.rooms[0]
    begins = now + timedelta(days=14)
    asked = video_links.BookingAnswers(
        room=room,
        times=BookingTimes(begins, begins + timedelta(hours=1)),
        court="A court",
        measures={"screens": MeasureState.ASKED},
        accompanied_by_id=caseworker.user_id,
    )
    return video_links.book_video_link(Command(caseworker, now), referral_id, asked)


def _group_review(owner: Owner, actors: dict[Role, Actor], referral_id: UUID) -> dict[str, object]:
    """A meeting that the caseworker is at, with the referral on its agenda."""
    now, there = times.now(), actors[Role.CASEWORKER].user_id
    assert there is not None
    meeting_id = group_reviews.open_review_meeting(
        Command(actors[Role.SENIOR], now), meets_on=times.london_date(now), attendee_ids=[there]
    )
    with owner() as session:
        own = (ReviewItem.meeting_id == meeting_id) & (ReviewItem.referral_id == referral_id)
        return {
            "meeting_id": meeting_id,
            "item_id": session.scalars(select(ReviewItem.id).where(own)).one(),
        }


def _offer_group(caseworker: Actor, *service_ids: UUID) -> UUID:
    """Another person at high risk, about whom two services are asked one after the other."""
    then = times.now() - timedelta(days=1)
    referral_id = casework.assessed(
        caseworker, at=then - timedelta(hours=2), risk=Risk.HIGH, flags=frozenset({"domestic_abuse"})
    )
    wanted = onward_referrals.OfferToSeveral(
        service_ids=service_ids,
        mode=OfferGroupMode.RANKED,
        share=arrange.EVERYTHING,
        texts=HandoverText(what_happened="It was dark.", wants="Somebody to talk to."),
        consent=SharingConsent(agreed=True, how=ConsentHow.SPOKEN, given_at=then),
    )
    return onward_referrals.offer_to_several(Command(caseworker, then), referral_id, wanted)


def _reminder(owner: Owner, caseworker: Actor) -> UUID:
    """One that the caseworker is shown."""
    reminder_pass.run_reminder_pass(actor=Actor.worker("tests"), at=times.now() + timedelta(days=10))
    with owner() as session:
        mine = Reminder.recipient_user_id == caseworker.user_id
        return (
            session.scalars(select(Reminder.id).where(mine).order_by(Reminder.dedupe_key)).first() or uuid4()
        )


def _parked_message(owner: Owner) -> UUID:
    """A queue item that no task could be made of."""
    message = ParkedMessage(
        id=uuid4(),
        queue="default",
        reason=ParkReason.NOT_JSON,
        size=8,
        first_bytes_hash=bytes(32),
        parked_at=times.now(),
    )
    with owner() as session:
        session.add(message)
        session.flush()
        return message.id


def _marac_decision(caseworker: Actor, referral_id: UUID) -> UUID:
    """The person was referred to MARAC and not heard yet."""
    now, version = times.now(), casework.referral(referral_id, caseworker).version
    answer = MaracAnswer(
        is_referred=True, decided_on=times.london_date(now), reasons=(MaracReason.JUDGEMENT,)
    )
    return decide_marac(Command(caseworker, now, version=version), referral_id, answer)


def _membership(owner: Owner, provider: Actor) -> UUID:
    """For whom the provider's account works."""
    with owner() as session:
        return session.scalars(select(Membership.id).where(Membership.user_id == provider.user_id)).one()


def _notice(owner: Owner, onward_id: UUID) -> UUID:
    """What the provider was told of when it was offered."""
    with owner() as session:
        own = ProviderNotice.onward_referral_id == onward_id
        return session.scalars(select(ProviderNotice.id).where(own)).one()


def _draft(caseworker: Actor, referral_id: UUID) -> UUID:
    """What the caseworker left unfinished."""
    page = DraftPage(uuid4(), 1, uuid4())
    place = DraftPlace(DraftKind.CLOSING, referral_id)
    keep_draft(caseworker, page, place, (("outcome_text", "She"),), at=times.now())
    return page.draft_id


def offered(caseworker: Actor, service_id: UUID) -> tuple[UUID, UUID]:
    """A person at high risk after domestic abuse, assessed yesterday and offered to a service.

    Gives the ids of the referral and of the onward referral.
    """
    then = times.now() - timedelta(days=1)
    referral_id = casework.assessed(
        caseworker, at=then - timedelta(hours=2), risk=Risk.HIGH, flags=frozenset({"domestic_abuse"})
    )
    onward_id = onward_referrals.offer_onward_referral(
        Command(caseworker, then, submission_id=uuid4()),
        referral_id,
        onward_referrals.OfferToProvider(
            service_id=service_id,
            share=arrange.EVERYTHING,
            texts=HandoverText(what_happened="It was dark.", wants="Somebody to talk to."),
            consent=SharingConsent(agreed=True, how=ConsentHow.SPOKEN, given_at=then),
        ),
    )
    return referral_id, onward_id


def first_service(owner: Owner, world: World) -> UUID:
    """The service of the provider whose account is in the world."""
    with owner() as session:
        provider_id = world.actors[Role.PROVIDER].organisation_id
        return session.scalars(
            select(ProviderService.id).where(ProviderService.provider_id == provider_id)
        ).one()
