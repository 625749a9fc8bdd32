"""Access by service, a provider's own administrator, and who works for two providers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import ProgrammingError

from tests.integration.onward_referrals.arrange import MORNING, Given, a_provider, offered
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotAllowed, NotFound, StaleVersion
from victim_gateway.models import (
    AuditEntry,
    Membership,
    Message,
    OnwardReferral,
    ProviderNotice,
    User,
)
from victim_gateway.queries.accounts.memberships import list_members, organisations_of
from victim_gateway.queries.onward_referrals.own_figures import own_figures
from victim_gateway.queries.onward_referrals.own_referrals import (
    ENDED,
    OPEN,
    OwnReferralFilter,
    open_referrals_by_name,
    own_referrals,
)
from victim_gateway.services import onward_referrals
from victim_gateway.services.accounts import memberships, web_sessions
from victim_gateway.services.accounts.memberships import MemberAccess, NewMember
from victim_gateway.services.accounts.organisation_choice import choose_organisation
from victim_gateway.services.accounts.sign_in import sign_in_with_password
from victim_gateway.services.accounts.web_sessions import SessionLimits, SessionStage, look_up_session
from victim_gateway.services.messages.claimed_messages import claimed_messages
from victim_gateway.services.messages.send_checks import may_send
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import DeclineReason, MessageState, NoticeKind, Role

LIMITS = SessionLimits(idle=timedelta(minutes=30), absolute=timedelta(hours=12), second_factor=False)
ALL = MemberAccess(Role.PROVIDER, all_services=True)
ADMINISTRATOR = MemberAccess(Role.PROVIDER_ADMINISTRATOR, all_services=False)
WORKER = Actor.worker("tests")


def command(actor: Actor, version: int | None = None) -> Command:
    return Command(actor, times.now(), submission_id=uuid4(), version=version)


def membership_of(owner: Owner, user_id: UUID | None, organisation_id: UUID | None = None) -> Membership:
    own = Membership.user_id == user_id
    with owner() as session:
        chosen = own & (Membership.organisation_id == organisation_id) if organisation_id else own
        return session.scalars(select(Membership).where(chosen)).one()


def give(owner: Owner, actor: Actor, service_ids: Iterable[UUID]) -> None:
    with owner() as session:
        own = update(Membership).where(Membership.user_id == actor.user_id)
        session.execute(own.values(all_services=False, service_ids=list(service_ids)))


def seen_by(actor: Actor) -> set[UUID]:
    with transaction(actor) as session:
        return set(session.scalars(select(OnwardReferral.id)))


def audited(owner: Owner, action: str) -> int:
    with owner() as session:
        return session.scalar(select(func.count()).where(AuditEntry.action == action)) or 0


def test_an_account_sees_and_is_told_of_the_services_it_was_given_and_of_no_other(
    app: Flask, owner: Owner, make_actor: MakeActor
) -> None:
    caseworker = make_actor(Role.CASEWORKER)
    one, two = (a_provider(owner, make_actor, "new-era") for _ in range(2))
    everything = make_actor(Role.PROVIDER, organisation="new-era")
    nothing = make_actor(Role.PROVIDER, organisation="new-era")
    administrator = make_actor(Role.PROVIDER_ADMINISTRATOR, organisation="new-era")
    give(owner, one.provider, [one.service_id])
    give(owner, two.provider, [two.service_id])
    give(owner, nothing, [])

    first, second = offered(caseworker, one), offered(caseworker, two)

    assert seen_by(one.provider) == {first}
    assert seen_by(two.provider) == {second}
    assert seen_by(everything) == {first, second}
    # Looking after accounts shows no referral.
    assert seen_by(nothing) == seen_by(administrator) == set()
    with pytest.raises(NotFound):
        onward_referrals.accept_onward_referral(command(two.provider), first)
    # A service of another organisation, named by mistake or by force, opens nothing.
    elsewhere = a_provider(owner, make_actor, "rj-hub")
    give(owner, elsewhere.provider, [one.service_id])
    assert seen_by(elsewhere.provider) == set()
    _ends_with_the_access(owner, one, first)


def _ends_with_the_access(owner: Owner, given: Given, onward_id: UUID) -> None:
    with owner() as session:
        session.execute(
            update(Membership)
            .where(Membership.user_id == given.provider.user_id)
            .values(ended_at=times.now())
        )
    assert seen_by(given.provider) == set()


def test_a_notice_goes_by_email_to_those_of_its_service_and_is_asked_again_when_it_leaves(
    app: Flask, owner: Owner, make_actor: MakeActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(app.extensions["settings"], smtp_url="smtp://127.0.0.1:1")
    monkeypatch.setitem(app.extensions, "settings", settings)
    caseworker = make_actor(Role.CASEWORKER)
    one, two = (a_provider(owner, make_actor, "new-era") for _ in range(2))
    give(owner, one.provider, [one.service_id])
    give(owner, two.provider, [two.service_id])
    make_actor(Role.PROVIDER_ADMINISTRATOR, organisation="new-era")

    offered(caseworker, one)

    with owner() as session:
        notice = session.scalars(
            select(ProviderNotice).where(ProviderNotice.kind == NoticeKind.NEW_OFFER)
        ).one()
        assert notice.service_id == one.service_id
        (message,) = session.scalars(select(Message)).all()
    assert message.recipient_user_id == one.provider.user_id
    assert message.state is MessageState.QUEUED
    assert refusal_of(message.id) is None
    give(owner, one.provider, [])
    assert refusal_of(message.id) == "The account is not the provider's"


def refusal_of(message_id: UUID) -> str | None:
    with transaction(WORKER) as session:
        refused = may_send(claimed_messages(session, [message_id], MORNING)[message_id], is_production=False)
    return refused.reason if refused else None


def test_an_administrator_keeps_the_accounts_of_its_own_provider_and_of_no_other(
    app: Flask, owner: Owner, make_actor: MakeActor
) -> None:
    mine, theirs = a_provider(owner, make_actor, "new-era"), a_provider(owner, make_actor, "rj-hub")
    boss = make_actor(Role.PROVIDER_ADMINISTRATOR, organisation="new-era")
    named = MemberAccess(Role.PROVIDER, all_services=False, service_ids=(mine.service_id,))

    added = memberships.add_member(command(boss), NewMember("Jo Marsh", "jo@new-era.example", named))

    assert added.starting_password
    row = membership_of(owner, added.user_id)
    assert (row.role, row.all_services, row.service_ids) == (Role.PROVIDER, False, [mine.service_id])
    memberships.change_access(command(boss, row.version), row.id, ALL)
    with pytest.raises(StaleVersion):
        memberships.change_access(command(boss, row.version), row.id, named)
    first = memberships.issue_member_password(command(boss), row.id)
    memberships.reset_member_second_factor(command(boss), row.id)
    assert first != added.starting_password
    memberships.end_membership(command(boss), row.id)
    assert membership_of(owner, added.user_id).ended_at is not None
    memberships.restore_membership(command(boss), row.id)
    assert membership_of(owner, added.user_id).ended_at is None
    for action in ("added", "changed", "ended", "restored"):
        assert audited(owner, f"membership.{action}") == 1
    _is_refused_beyond_its_own(owner, boss, mine, theirs)


def _is_refused_beyond_its_own(owner: Owner, boss: Actor, mine: Given, theirs: Given) -> None:
    other = membership_of(owner, theirs.provider.user_id)
    for step in (
        memberships.end_membership,
        memberships.restore_membership,
        memberships.issue_member_password,
    ):
        with pytest.raises(NotFound):
            step(command(boss), other.id)
    with pytest.raises(NotFound):
        memberships.change_access(command(boss), other.id, ALL)
    assert theirs.provider.user_id not in {member.user_id for member in list_members(actor=boss)}
    for access, field in (
        (MemberAccess(Role.SENIOR, all_services=True), "role"),
        (MemberAccess(Role.PROVIDER, all_services=False, service_ids=(theirs.service_id,)), "services"),
    ):
        with pytest.raises(InvalidInput) as refused:
            memberships.add_member(command(boss), NewMember("Jo", "jo2@new-era.example", access))
        assert field in refused.value.fields
    with pytest.raises(InvalidInput, match="can't be used"):
        memberships.add_member(command(boss), NewMember("Jo", _address(owner, theirs.provider), ALL))
    # A colleague who only answers referrals changes no account, whichever way they try.
    own = membership_of(owner, boss.user_id)
    with pytest.raises(NotFound):
        memberships.end_membership(command(mine.provider), own.id)
    with pytest.raises(NotAllowed):
        memberships.add_member(command(mine.provider), NewMember("Jo", "jo3@new-era.example", ALL))


def _address(owner: Owner, actor: Actor) -> str:
    with owner() as session:
        return session.scalars(select(User.email).where(User.id == actor.user_id)).one()


def test_the_last_administrator_stays_and_the_gateways_may_end_it_all_the_same(
    app: Flask, owner: Owner, make_actor: MakeActor
) -> None:
    a_provider(owner, make_actor, "new-era")
    boss = make_actor(Role.PROVIDER_ADMINISTRATOR, organisation="new-era")
    own = membership_of(owner, boss.user_id)
    for attempt in (
        lambda: memberships.end_membership(command(boss), own.id),
        lambda: memberships.change_access(command(boss), own.id, ALL),
    ):
        with pytest.raises(NotAllowed, match="last administrator"):
            attempt()
    second = make_actor(Role.PROVIDER_ADMINISTRATOR, organisation="new-era")
    memberships.change_access(command(boss), own.id, ALL)
    # Its next request knows that already; one that was on its way is refused as well.
    with pytest.raises(NotAllowed, match="in the meantime"):
        memberships.end_membership(command(boss), membership_of(owner, second.user_id).id)
    memberships.end_membership(command(make_actor(Role.ADMIN)), membership_of(owner, second.user_id).id)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("app_user", {"role": "senior"}),
        ("app_user", {"organisation_id": "theirs"}),
        ("membership", {"organisation_id": "theirs"}),
    ],
)
def test_the_database_refuses_an_administrator_what_is_not_its_own(
    app: Flask, owner: Owner, make_actor: MakeActor, table: str, values: dict[str, str]
) -> None:
    theirs = a_provider(owner, make_actor, "rj-hub").provider
    boss = make_actor(Role.PROVIDER_ADMINISTRATOR, organisation="new-era")
    chosen = {key: theirs.organisation_id if value == "theirs" else value for key, value in values.items()}
    account = {
        "id": uuid4(),
        "organisation_id": boss.organisation_id,
        "email": "x@new-era.example",
        "name": "X",
        "role": "provider",
        "password_hash": "x",
        "totp_last_step": 0,
        "created_at": times.now(),
    }
    member = {
        "id": uuid4(),
        "user_id": boss.user_id,
        "organisation_id": boss.organisation_id,
        "role": "provider",
        "all_services": True,
        "created_at": times.now(),
    }
    row = {**(account if table == "app_user" else member), **chosen}
    columns = ", ".join(row)
    statement = f"INSERT INTO {table} ({columns}) VALUES ({', '.join(f':{name}' for name in row)})"
    with pytest.raises(ProgrammingError, match="row-level security"), transaction(boss) as session:
        session.execute(text(statement), row)


def test_who_works_for_two_providers_chooses_one_and_sees_nothing_of_the_other(
    app: Flask, owner: Owner, make_actor: MakeActor
) -> None:
    caseworker, admin = make_actor(Role.CASEWORKER), make_actor(Role.ADMIN)
    home, other = a_provider(owner, make_actor, "new-era"), a_provider(owner, make_actor, "rj-hub")
    offered(caseworker, home), offered(caseworker, other)
    user_id = home.provider.user_id
    assert user_id is not None
    membership_id = memberships.add_membership(command(admin), user_id, "rj-hub", ALL)
    visitor = Actor.signing_in("192.0.2.1")
    with owner() as session:
        token = web_sessions.start_session(session, user_id, times.now())

    live = look_up_session(token, limits=LIMITS, actor=visitor, at=times.now())

    assert live is not None and (live.stage, live.organisations) == (SessionStage.ORGANISATION, 2)
    assert [each.name for each in organisations_of(user_id, actor=visitor)] == ["New Era", "Rj Hub"]
    with pytest.raises(NotFound):
        choose_organisation(live, uuid4(), actor=visitor, at=times.now())
    assert other.provider.organisation_id is not None
    chosen = choose_organisation(live, other.provider.organisation_id, actor=visitor, at=times.now())
    assert look_up_session(token, limits=LIMITS, actor=visitor, at=times.now()) is None
    now = look_up_session(chosen, limits=LIMITS, actor=visitor, at=times.now())
    assert now is not None and (now.stage, now.organisation_name) == (SessionStage.FULL, "Rj Hub")
    working = replace(home.provider, organisation_id=now.organisation_id)
    assert seen_by(working) == seen_by(other.provider)
    assert seen_by(working).isdisjoint(seen_by(home.provider))
    assert audited(owner, "session.organisation_chosen") == 1
    # A provider's own administrator can't reset what opens another's referrals too.
    boss = make_actor(Role.PROVIDER_ADMINISTRATOR, organisation="new-era")
    own = membership_of(owner, user_id, home.provider.organisation_id)
    for reset in (memberships.issue_member_password, memberships.reset_member_second_factor):
        with pytest.raises(NotAllowed, match="only be reset by the Gateway"):
            reset(command(boss), own.id)
    # Without the access the session does not go on, and there is nothing left to choose.
    memberships.end_membership(command(admin), membership_id)
    again = look_up_session(chosen, limits=LIMITS, actor=visitor, at=times.now())
    assert again is None or again.stage is not SessionStage.FULL


def test_staff_of_the_gateway_and_who_has_not_signed_in_yet_get_no_second_organisation(
    app: Flask, owner: Owner, make_actor: MakeActor
) -> None:
    admin, caseworker = make_actor(Role.ADMIN), make_actor(Role.CASEWORKER)
    new = a_provider(owner, make_actor, "new-era").provider
    a_provider(owner, make_actor, "rj-hub")
    assert caseworker.user_id and new.user_id
    with pytest.raises(InvalidInput, match="belongs to the Gateway"):
        memberships.add_membership(command(admin), caseworker.user_id, "rj-hub", ALL)
    with owner() as session:
        session.execute(
            update(User)
            .where(User.id == new.user_id)
            .values(starting_password_until=datetime(2030, 1, 1, tzinfo=UTC))
        )
    with pytest.raises(InvalidInput, match="password that it was given"):
        memberships.add_membership(command(admin), new.user_id, "rj-hub", ALL)


def test_an_account_without_any_provider_left_is_refused_at_the_door_like_a_wrong_password(
    app: Flask, owner: Owner, make_actor: MakeActor
) -> None:
    a_provider(owner, make_actor, "new-era")
    boss = make_actor(Role.PROVIDER_ADMINISTRATOR, organisation="new-era")
    added = memberships.add_member(command(boss), NewMember("Jo", "jo@new-era.example", ALL))
    memberships.end_membership(command(boss), membership_of(owner, added.user_id).id)

    with pytest.raises(InvalidInput, match="email address or password is not right"):
        sign_in_with_password(
            added.email,
            password=added.starting_password or "",
            actor=Actor.signing_in("192.0.2.1"),
            at=times.now(),
        )


def test_all_referrals_and_figures_show_what_ended_without_the_person(
    app: Flask, owner: Owner, make_actor: MakeActor
) -> None:
    caseworker, given = make_actor(Role.CASEWORKER), a_provider(owner, make_actor, "new-era")
    now = times.now()
    ids = [offered(caseworker, given, at=now - timedelta(days=day)) for day in (5, 4, 3)]
    onward_referrals.decline_onward_referral(
        Command(given.provider, now), ids[0], reason=DeclineReason.NO_CAPACITY, text="Full."
    )
    onward_referrals.accept_onward_referral(Command(given.provider, now), ids[1])
    with owner() as session:
        ended = update(OnwardReferral).where(OnwardReferral.id == ids[0])
        session.execute(ended.values(provider_access_ended_at=now - timedelta(days=1)))

    with transaction(given.provider) as session:
        newest = own_referrals(session, OwnReferralFilter(), limit=2)
        older = own_referrals(session, OwnReferralFilter(), limit=2, position=newest.after)
        back = own_referrals(session, OwnReferralFilter(), limit=2, position=older.before, is_before=True)
        listed = {
            stands: [row.id for row in own_referrals(session, OwnReferralFilter(stands=stands), limit=9).rows]
            for stands in (OPEN, ENDED)
        }
        by_name = open_referrals_by_name(session, "ashd wil")
        not_found = open_referrals_by_name(session, "Ashdown Peter")
        figures = own_figures(session)

    assert [row.id for row in newest.rows] == [ids[2], ids[1]]
    assert newest.total == 3
    assert [row.id for row in older.rows] == [ids[0]]
    assert older.rows[0].decline_reason is DeclineReason.NO_CAPACITY
    assert back.rows == newest.rows
    assert listed == {OPEN: [ids[2], ids[1]], ENDED: [ids[0]]}
    # The declined one is of Wilma Ashdown too, and is found by name no more.
    assert {each.id for each in by_name.found} == {ids[1], ids[2]}
    assert (not_found.found, by_name.is_complete) == ((), True)
    counts = figures.total.counts
    assert (counts.offered, counts.waiting) == (3, 1)
    for rows in (figures.services, figures.quarters):
        assert sum(row.counts.offered for row in rows) == 3
    assert figures.total.to_answer.median is not None and figures.total.wait.median is None


def test_two_administrators_who_end_each_other_at_once_leave_one(
    committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor
) -> None:
    both = [committed_make_actor(Role.PROVIDER_ADMINISTRATOR, organisation="new-era") for _ in range(2)]
    rows = [membership_of(committed_owner, actor.user_id) for actor in both]
    begin, refused = Barrier(2), []

    def end_the_other(number: int) -> None:
        with committed_app.app_context():
            begin.wait()
            try:
                memberships.end_membership(command(both[number]), rows[1 - number].id)
            except NotAllowed as error:
                refused.append(error)

    threads = [Thread(target=end_the_other, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with committed_owner() as session:
        left = session.scalar(select(func.count()).where(Membership.ended_at.is_(None)))
    assert (left, len(refused)) == (1, 1)
