"""Accounts, their limits and their second factors, on a real database."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import AlreadyDone, InvalidInput, NotAllowed, NotFound
from victim_gateway.models import Organisation, SignInAttempt, User
from victim_gateway.queries.accounts.account_list import account_by_email, account_by_id
from victim_gateway.services.accounts import administration, second_factor, sign_in
from victim_gateway.services.accounts.rate_limits import TooManyAttempts, begin_attempt
from victim_gateway.services.accounts.web_sessions import (
    LiveSession,
    SessionLimits,
    SessionStage,
    look_up_session,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role, SignInStep

COMMAND = Actor.worker("tests")
AT = datetime(2026, 1, 14, 23, 30, tzinfo=UTC)
PASSWORD = "three quiet green lamps"
LIMITS = SessionLimits(idle=timedelta(minutes=30), absolute=timedelta(hours=12), second_factor=True)


def visitor(address: str = "192.0.2.1") -> Actor:
    return Actor.signing_in(address)


def add(
    email: str = "asha@test.example",
    role: Role = Role.CASEWORKER,
    *,
    command: Command | None = None,
    **more: object,
) -> administration.AccountSecrets:
    given = {"name": "Asha Begum", "password": PASSWORD, **more}
    account = administration.NewAccount(email=email, role=role, **given)  # type: ignore[arg-type]
    return administration.add_account(command or Command(COMMAND, AT), account)


def half_signed_in(email: str = "asha@test.example", address: str = "192.0.2.1") -> LiveSession:
    token = sign_in.sign_in_with_password(email, password=PASSWORD, actor=visitor(address), at=AT)
    live_session = look_up_session(token, limits=LIMITS, actor=visitor(address), at=AT)
    assert live_session is not None and live_session.stage is SessionStage.CODE
    return live_session


def test_an_address_is_one_account_however_it_is_typed(app: Flask) -> None:
    add("Asha@Test.Example ")
    with pytest.raises(InvalidInput, match="already"):
        add("asha@test.example")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"email": "no address"}, "like name@example.com"),
        ({"name": "  "}, "Enter the person's name"),
        ({"password": "short"}, "12 or more"),
        ({"role": Role.PROVIDER}, "Choose the provider"),
        ({"role": Role.PROVIDER, "organisation_key": "nowhere"}, "no organisation 'nowhere'"),
        ({"role": Role.PROVIDER, "organisation_key": "gateway"}, "don't belong to 'gateway'"),
    ],
)
def test_an_account_that_cannot_be_says_why(
    app: Flask, owner: Owner, more: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        add(**more)  # type: ignore[arg-type]
    with owner() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 0


def test_the_first_account_makes_the_gateway_s_own_organisation(app: Flask, owner: Owner) -> None:
    add(gateway_name="Staffordshire Victim Gateway")
    add("ben@test.example")
    with owner() as session:
        assert session.scalars(select(Organisation.name)).all() == ["Staffordshire Victim Gateway"]


def test_a_form_that_is_sent_twice_adds_one_account(app: Flask, administrator_actor: Actor) -> None:
    from uuid import uuid4

    once = Command(administrator_actor, AT, submission_id=uuid4())
    add(command=once)
    with pytest.raises(AlreadyDone):
        add("ben@test.example", command=once)


def test_nobody_disables_their_own_account(app: Flask, administrator_actor: Actor) -> None:
    assert administrator_actor.user_id is not None
    with pytest.raises(NotAllowed):
        administration.disable_account(Command(administrator_actor, AT), administrator_actor.user_id)


def test_disabling_can_be_undone(app: Flask, administrator_actor: Actor) -> None:
    added = add()
    administration.disable_account(Command(administrator_actor, AT), added.user_id)
    administration.enable_account(Command(administrator_actor, AT), added.user_id)
    assert account_by_id(added.user_id, actor=administrator_actor).disabled_at is None


def test_an_account_that_does_not_exist_is_not_found(app: Flask) -> None:
    with pytest.raises(NotFound):
        account_by_email("nobody@test.example", actor=COMMAND)


def test_only_administrators_and_commands_may_add_accounts(app: Flask, make_actor: MakeActor) -> None:
    for role in (Role.CASEWORKER, Role.MANAGER, Role.AUDITOR, Role.PROVIDER):
        with pytest.raises(Exception, match="permission denied|row-level security"):
            add(command=Command(make_actor(role), AT))


def test_a_secret_is_sealed_for_its_row_alone(app: Flask, owner: Owner) -> None:
    first = add(with_second_factor=True)
    second = add("ben@test.example", with_second_factor=True)
    code = pyotp.TOTP(str(first.totp_secret)).at(AT)
    with owner() as session:
        users = {user.id: user for user in session.scalars(select(User))}
        users[second.user_id].totp_sealed = users[first.user_id].totp_sealed
    with pytest.raises(Exception, match="does not open"), transaction(COMMAND) as session:
        second_factor.accept_code(session, second.user_id, code, AT)


def test_one_code_sent_eight_times_at_once_is_accepted_once(committed_app: Flask) -> None:
    secret = str(add(with_second_factor=True).totp_secret)
    code = pyotp.TOTP(secret).at(AT)
    sessions = [half_signed_in() for _ in range(8)]
    accepted: list[str] = []

    def send(live_session: LiveSession) -> None:
        with committed_app.app_context():
            try:
                accepted.append(
                    sign_in.check_second_factor_code(live_session, code=code, actor=visitor(), at=AT)
                )
            except InvalidInput:
                pass

    run_all(send, sessions)
    assert len(accepted) == 1


def test_many_passwords_at_once_do_not_pass_the_limit(committed_app: Flask, committed_owner: Owner) -> None:
    add()
    refused: list[str] = []

    def guess(number: int) -> None:
        with committed_app.app_context():
            try:
                sign_in.sign_in_with_password(
                    "asha@test.example", password=f"guess {number}", actor=visitor(), at=AT
                )
            except (InvalidInput, TooManyAttempts) as refusal:
                refused.append(refusal.code)

    run_all(guess, list(range(16)))
    assert refused.count(TooManyAttempts.code) == 6
    with committed_owner() as session:
        assert session.scalar(select(func.count()).select_from(SignInAttempt)) == 10


def test_a_source_that_tries_many_accounts_is_stopped_for_all(app: Flask) -> None:
    add()
    # Counted as a sign-in counts them, without the slow look at a password each time.
    with transaction(visitor()) as session:
        for number in range(98):
            email = f"user{number}@test.example"
            assert begin_attempt(session, SignInStep.PASSWORD, email, visitor().address, AT)
    for number in (98, 99):
        with pytest.raises(InvalidInput):
            sign_in.sign_in_with_password(f"user{number}@test.example", password="x", actor=visitor(), at=AT)
    with pytest.raises(TooManyAttempts):
        sign_in.sign_in_with_password("asha@test.example", password=PASSWORD, actor=visitor(), at=AT)
    sign_in.sign_in_with_password("asha@test.example", password=PASSWORD, actor=visitor("192.0.2.2"), at=AT)


def test_codes_are_counted_for_the_account_over_several_sign_ins(app: Flask) -> None:
    secret = str(add(with_second_factor=True).totp_secret)
    for _ in range(2):
        live_session = half_signed_in()
        for _ in range(5):
            with pytest.raises(InvalidInput):
                sign_in.check_second_factor_code(live_session, code="000000", actor=visitor(), at=AT)
    with pytest.raises(TooManyAttempts):
        sign_in.check_second_factor_code(
            half_signed_in(), code=pyotp.TOTP(secret).at(AT), actor=visitor(), at=AT
        )


def run_all(work: object, arguments: list[object] | list[LiveSession] | list[int]) -> None:
    threads = [threading.Thread(target=work, args=(argument,)) for argument in arguments]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_the_last_administrator_stays(app: Flask) -> None:
    first, second = add("first@test.example", Role.ADMIN), add("second@test.example", Role.ADMIN)
    administration.disable_account(Command(COMMAND, AT), first.user_id)
    with pytest.raises(NotAllowed, match="last administrator"):
        administration.disable_account(Command(COMMAND, AT), second.user_id)
