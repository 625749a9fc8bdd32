"""Nobody who has no need to know learns anything: another provider's referral is absent, not forbidden.

On committed data, because what a provider may see is decided anew in each transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from tests.integration.onward_referrals.arrange import (
    MORNING,
    YES,
    Given,
    a_provider,
    a_referral,
    offered,
    onward_row,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.crypto import SealBroken
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound
from victim_gateway.extensions import db
from victim_gateway.offer_vocabulary import OfferGroupMode
from victim_gateway.rules.handover import HandoverText
from victim_gateway.services import onward_referrals
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import DeclineReason, Role, ServiceOutcome, WithdrawReason

LATER = MORNING + timedelta(hours=2)
PUBLIC = {"code_entitlement", "calendar_day", "alembic_version", "database_area"}
# What a provider's role may read something of; every other table is closed to it altogether.
READABLE = {
    "app_user",
    "case_event",
    # Never what opens it, column by column.
    "contact_link",
    "directory_change",
    "entitlement_clock",
    # What was amended, column by column; never the handover before.
    "handover_version",
    # Its own times, and what it put aside itself.
    "mail_preference",
    "membership",
    "message",
    "note",
    "notice_reading",
    "onward_appointment",
    "onward_kind_step",
    "onward_need",
    "onward_progress_note",
    "onward_referral",
    "onward_worker",
    "organisation",
    "provider",
    "provider_notice",
    "provider_service",
    "reminder",
    "reminder_snooze",
    "shared_file",
    "shared_file_chunk",
    # Its own answers about cases that have come to a standstill.
    "stall_answer",
    "submission",
    "wrapped_key",
    "outbox",
    *PUBLIC,
}
HANGING_ON_IT = ("onward_referral", "case_event", "entitlement_clock", "note", "wrapped_key")


@pytest.fixture
def gateway(committed_app: Flask, committed_make_actor: MakeActor) -> Actor:
    return committed_make_actor(Role.CASEWORKER)


@pytest.fixture
def new_era(committed_owner: Owner, committed_make_actor: MakeActor) -> Given:
    return a_provider(committed_owner, committed_make_actor, "new-era")


@pytest.fixture
def rj_hub(committed_owner: Owner, committed_make_actor: MakeActor) -> Given:
    return a_provider(committed_owner, committed_make_actor, "rj-hub")


def test_another_providers_onward_referral_is_absent_for_every_act(
    gateway: Actor, new_era: Given, rj_hub: Given
) -> None:
    onward_id = offered(gateway, new_era)

    for action in _provider_actions(rj_hub.provider):
        with pytest.raises(NotFound) as theirs:
            action(onward_id)
        with pytest.raises(NotFound) as absent:
            action(uuid4())
        assert str(theirs.value) == str(absent.value)


def test_plain_sql_under_a_providers_role_finds_its_own_and_nothing_else(
    gateway: Actor, new_era: Given, rj_hub: Given
) -> None:
    onward_id = offered(gateway, new_era)
    onward_referrals.request_information(Command(new_era.provider, LATER), onward_id, text="Has she a car?")

    assert all(_count(new_era.provider, table) > 0 for table in HANGING_ON_IT)
    assert [_count(rj_hub.provider, table) for table in HANGING_ON_IT] == [0] * len(HANGING_ON_IT)


def test_a_provider_has_no_grant_on_people_and_referrals_at_all(
    gateway: Actor, new_era: Given, committed_owner: Owner
) -> None:
    offered(gateway, new_era)

    with committed_owner() as session:
        tables = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
    closed = set(tables) - READABLE
    assert {"person", "referral", "safe_contact_plan", "consent", "contact_attempt", "task"} <= closed
    for table in sorted(closed):
        with pytest.raises(ProgrammingError, match="permission denied"):
            _count(new_era.provider, table)


def test_a_provider_reads_of_an_old_handover_what_was_amended_and_of_groups_and_pauses_nothing(
    gateway: Actor, new_era: Given, rj_hub: Given
) -> None:
    onward_id = offered(gateway, new_era)
    group_id = onward_referrals.offer_to_several(
        Command(gateway, LATER),
        a_referral(gateway),
        onward_referrals.OfferToSeveral(
            service_ids=[new_era.service_id, rj_hub.service_id],
            mode=OfferGroupMode.RANKED,
            share=[],
            texts=HandoverText(),
            consent=YES,
        ),
    )
    for statement in (
        "SELECT sealed FROM handover_version",
        "SELECT replaced_by_id FROM handover_version",
        "UPDATE onward_referral SET decline_consequence = 'offer_next'",
        "UPDATE onward_referral SET decline_mistake_at = now()",
        "SELECT id FROM offer_group",
        "SELECT id FROM offer_group_member",
        "SELECT id FROM service_pause",
    ):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction(rj_hub.provider) as session,
        ):
            session.execute(text(statement))
    # In the order, and not asked: nothing that its role can read says so.
    assert [_count(rj_hub.provider, table) for table in HANGING_ON_IT] == [0] * len(HANGING_ON_IT)
    assert _count(rj_hub.provider, "provider_notice") == 0
    assert _count(gateway, "offer_group") == 1
    _end("decline", onward_id, gateway, new_era.provider)
    with transaction(new_era.provider) as session:
        kinds = session.scalars(text("SELECT kind FROM provider_notice ORDER BY created_at")).all()
    # Of what it declined it reads that it did, while the Gateway has not decided.
    assert sorted(kinds) == ["declined", "new_offer"]
    onward_referrals.confirm_decline(Command(gateway, LATER), onward_id)
    with transaction(new_era.provider) as session:
        assert session.scalars(text("SELECT kind FROM provider_notice")).all() == ["new_offer"]
    assert group_id is not None


def test_a_provider_sees_its_own_staff_and_services_and_never_those_of_others(
    gateway: Actor, new_era: Given, rj_hub: Given
) -> None:
    with transaction(rj_hub.provider) as session:
        names = session.scalars(text("SELECT name FROM organisation ORDER BY name")).all()
        staff = session.scalars(text("SELECT DISTINCT organisation_id FROM app_user")).all()
        services = session.scalars(text("SELECT DISTINCT provider_id FROM provider_service")).all()
    assert names == ["Gateway", "Rj Hub"]
    assert staff == services == [rj_hub.provider.organisation_id]


@pytest.mark.parametrize("end", ["decline", "withdraw", "expire", "close", "consent"])
def test_with_the_end_everything_closes_at_once(
    gateway: Actor, new_era: Given, committed_owner: Owner, end: str
) -> None:
    onward_id = offered(gateway, new_era)
    key_id = onward_row(committed_owner, onward_id).key_id

    _end(end, onward_id, gateway, new_era.provider)

    assert [_count(new_era.provider, table) for table in HANGING_ON_IT] == [0] * len(HANGING_ON_IT)
    with transaction(new_era.provider) as session, pytest.raises(SealBroken):
        encrypted_rows.open_key(session, key_id)
    for action in _provider_actions(new_era.provider):
        with pytest.raises(NotFound):
            action(onward_id)


def test_an_overturned_decline_gives_the_sight_back(gateway: Actor, new_era: Given) -> None:
    onward_id = offered(gateway, new_era)
    _end("decline", onward_id, gateway, new_era.provider)

    onward_referrals.overturn_decline(Command(gateway, LATER), onward_id, text="There is room after all.")

    assert _count(new_era.provider, "onward_referral") == 1


def test_a_provider_can_not_make_a_referral_its_own_or_hang_things_on_another(
    gateway: Actor, new_era: Given, rj_hub: Given, committed_owner: Owner
) -> None:
    mine, theirs = offered(gateway, rj_hub), offered(gateway, new_era)
    their_referral = onward_row(committed_owner, theirs).referral_id

    for statement in (
        "UPDATE onward_referral SET referral_id = :theirs",
        "UPDATE onward_referral SET provider_id = gateway_organisation_id()",
        "UPDATE onward_referral SET handover_sealed = ''",
        "UPDATE onward_referral SET key_id = :theirs",
    ):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction(rj_hub.provider) as session,
        ):
            session.execute(text(statement), {"theirs": their_referral})
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction(rj_hub.provider) as session,
    ):
        session.execute(
            text(
                "INSERT INTO note (id, referral_id, onward_referral_id, written_at, by_id, by_name,"
                " organisation_id, sealed) VALUES (gen_random_uuid(), :referral, :onward, now(),"
                " gateway_user_id(), 'x', gateway_organisation_id(), '')"
            ),
            {"referral": their_referral, "onward": mine},
        )


def test_a_draft_is_invisible_to_the_provider_it_is_for(
    gateway: Actor, new_era: Given, committed_owner: Owner
) -> None:
    onward_id = offered(gateway, new_era)
    with committed_owner() as session:
        session.execute(text("ALTER TABLE onward_referral DISABLE TRIGGER onward_referral_steps"))
        session.execute(text("UPDATE onward_referral SET state = 'draft' WHERE id = :id"), {"id": onward_id})

    assert _count(new_era.provider, "onward_referral") == 0


def test_the_programs_own_role_sees_no_row_of_any_guarded_table(
    gateway: Actor, new_era: Given, committed_owner: Owner
) -> None:
    offered(gateway, new_era)

    with committed_owner() as session:
        tables = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
    for table in sorted(set(tables) - PUBLIC):
        with pytest.raises(ProgrammingError, match="permission denied"), db.engine.connect() as connection:
            connection.execute(text(f"SELECT count(*) FROM {table}"))


def test_a_role_without_a_named_person_or_organisation_sees_no_case(gateway: Actor, new_era: Given) -> None:
    offered(gateway, new_era)

    with db.engine.begin() as connection:
        for role, tables in (
            ("gateway_provider", HANGING_ON_IT),
            ("gateway_caseworker", (*HANGING_ON_IT, "person", "referral", "consent")),
        ):
            connection.execute(text("SELECT set_config('role', :role, true)"), {"role": role})
            counts = [connection.scalar(text(f"SELECT count(*) FROM {table}")) for table in tables]
            assert counts == [0] * len(tables)


def test_every_table_is_guarded_except_the_laws(committed_owner: Owner, committed_app: Flask) -> None:
    with committed_owner() as session:
        rows = session.execute(
            text(
                "SELECT relname, relrowsecurity AND relforcerowsecurity AS guarded FROM pg_class"
                " WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
            )
        ).all()
    unguarded = {row.relname for row in rows if not row.guarded}
    assert unguarded == PUBLIC


def test_no_view_or_function_of_the_owner_reads_past_the_guards(
    committed_owner: Owner, committed_app: Flask
) -> None:
    with committed_owner() as session:
        views = session.scalars(text("SELECT viewname FROM pg_views WHERE schemaname = 'public'")).all()
        functions = session.execute(
            text(
                "SELECT proname, proconfig FROM pg_proc WHERE prosecdef"
                " AND pronamespace = 'public'::regnamespace ORDER BY proname"
            )
        ).all()
    # It applies the rule of the organisation and the service itself, and has no column about a person.
    assert views == ["provider_referral_summary"]
    # The look-ups of the search apply the same rule themselves: tests/integration/people/test_search.py.
    assert [row.proname for row in functions] == [
        "audit_head",
        "claim_audit_lane",
        "find_by_name_tokens",
        "find_by_phone",
        "find_by_reference_parts",
        "find_by_search_parts",
        "find_by_similar_name",
        # Says no more than that an incident of the reader's own has no referral yet.
        "is_own_empty_incident",
        # They give nothing back and write days, which the figures are counted by.
        "mark_service_days_of_events",
        "mark_service_days_of_receipts",
        "mark_service_days_of_referral",
        "search_index_key",
    ]
    assert all("search_path=pg_catalog, public, pg_temp" in row.proconfig for row in functions)


def _provider_actions(provider: Actor) -> list[Callable[[UUID], None]]:
    return [
        lambda i: onward_referrals.acknowledge_offer(Command(provider, LATER), i),
        lambda i: onward_referrals.accept_onward_referral(Command(provider, LATER), i),
        lambda i: onward_referrals.decline_onward_referral(
            Command(provider, LATER), i, reason=DeclineReason.NO_CAPACITY, text="Full."
        ),
        lambda i: onward_referrals.request_information(Command(provider, LATER), i, text="Who?"),
        lambda i: onward_referrals.record_provider_first_contact(
            Command(provider, LATER), i, contacted_at=LATER
        ),
        lambda i: onward_referrals.close_onward_referral(
            Command(provider, LATER), i, outcome=ServiceOutcome.NEEDS_MET
        ),
    ]


def _end(how: str, onward_id: UUID, gateway: Actor, provider: Actor) -> None:
    if how == "decline":
        onward_referrals.decline_onward_referral(
            Command(provider, LATER), onward_id, reason=DeclineReason.NO_CAPACITY, text="Full."
        )
    elif how == "withdraw":
        onward_referrals.withdraw_onward_referral(
            Command(gateway, LATER), onward_id, reason=WithdrawReason.SENT_BY_MISTAKE
        )
    elif how == "expire":
        worker = Actor.worker("tests")
        assert onward_referrals.expire_unanswered_offers(Command(worker, MORNING + timedelta(days=30))) == 1
    elif how == "close":
        onward_referrals.accept_onward_referral(Command(provider, LATER), onward_id)
        onward_referrals.record_provider_first_contact(
            Command(provider, LATER), onward_id, contacted_at=LATER
        )
        onward_referrals.close_onward_referral(
            Command(provider, LATER), onward_id, outcome=ServiceOutcome.NEEDS_MET
        )
    else:
        with transaction(gateway) as session:
            onward_referrals.withdraw_in_transaction(
                session, Command(gateway, LATER), onward_id, reason=WithdrawReason.CONSENT_WITHDRAWN
            )


def _count(actor: Actor, table: str) -> int:
    with transaction(actor) as session:
        return int(session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


def test_what_one_provider_is_told_no_other_reads_and_after_the_end_only_that_it_ended(
    gateway: Actor, new_era: Given, rj_hub: Given
) -> None:
    onward_id = offered(gateway, new_era)
    assert _notice_kinds(new_era.provider) == ["new_offer"]
    assert _notice_kinds(rj_hub.provider) == []
    onward_referrals.withdraw_onward_referral(
        Command(gateway, LATER), onward_id, reason=WithdrawReason.PERSON_SAID_NO
    )
    assert _notice_kinds(new_era.provider) == ["withdrawn"]
    assert _notice_kinds(rj_hub.provider) == []
    assert _count(new_era.provider, "handover_version") == 0


def _notice_kinds(actor: Actor) -> list[str]:
    with transaction(actor) as session:
        return list(session.scalars(text("SELECT kind FROM provider_notice ORDER BY created_at")))
