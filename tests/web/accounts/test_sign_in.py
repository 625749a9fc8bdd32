"""Through the front door: password, code, sessions and their end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest
import time_machine
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select, update
from werkzeug.test import TestResponse

from config import Settings
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import COMPILED_TEMPLATES, Owner
from tests.plumbing.sign_in import form_token, sign_in
from victim_gateway import create_app, times
from victim_gateway.actors import Actor
from victim_gateway.extensions import db
from victim_gateway.models import AuditEntry, User, WebSession
from victim_gateway.services.accounts import administration
from victim_gateway.services.accounts.administration import AccountSecrets
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

PASSWORD = "three quiet green lamps"


def add(email: str = "asha@test.example", role: Role = Role.ADMIN, **more: object) -> AccountSecrets:
    given = {"password": PASSWORD, "name": "Asha Begum", **more}
    account = administration.NewAccount(email=email, role=role, **given)  # type: ignore[arg-type]
    return administration.add_account(Command(Actor.worker("tests"), times.now()), account)


def post(client: FlaskClient, path: str, page: str | None = None, **fields: str) -> TestResponse:
    return client.post(path, data={"csrf_token": form_token(client, page or path), **fields})


def give_password(
    client: FlaskClient, email: str = "asha@test.example", password: str = PASSWORD, path: str = "/sign-in"
) -> TestResponse:
    return post(client, path, email=email, password=password)


def session_cookie(client: FlaskClient) -> str | None:
    cookie = client.get_cookie("session")
    return cookie.value if cookie else None


def actions(owner: Owner) -> list[str]:
    with owner() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.sequence)))


@pytest.fixture
def second_factor(app: Flask) -> Iterator[None]:
    usual = app.extensions["settings"]
    app.extensions["settings"] = replace(usual, require_mfa=True)
    yield
    app.extensions["settings"] = usual


def test_the_right_password_opens_the_role_s_first_page(client: FlaskClient) -> None:
    add()
    answer = give_password(client)
    assert answer.location == "/"
    assert client.get("/").location == "/system/users"


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(client: FlaskClient) -> None:
    add()
    cookie = next(c for c in give_password(client).headers.getlist("Set-Cookie") if c.startswith("session="))
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie


def test_the_database_holds_no_cookie_only_its_hash(client: FlaskClient, owner: Owner) -> None:
    add()
    give_password(client)
    token = session_cookie(client)
    with owner() as session:
        assert session.scalar(select(WebSession.id_hash)) != token
    assert token is not None and len(token) >= 43


def test_unknown_wrong_and_disabled_get_the_same_page(client: FlaskClient) -> None:
    disabled = add("gone@test.example")
    add()
    administration.disable_account(Command(Actor.worker("tests"), times.now()), disabled.user_id)
    pages = {
        re.sub(r'(value|nonce)="[^"]*"|nonce-[^\']*', "", answer.text)
        for answer in (
            give_password(client, "nobody@test.example"),
            give_password(client, password="not the right password"),
            give_password(client, "gone@test.example"),
        )
    }
    assert len(pages) == 1
    assert "Your email address or password is not right" in pages.pop()


def test_the_audit_never_holds_the_name_of_an_account_that_does_not_exist(
    client: FlaskClient, owner: Owner
) -> None:
    give_password(client, "nobody@test.example")
    with owner() as session:
        entry = session.scalars(select(AuditEntry.entry)).one()
    assert "nobody" not in entry and '"reason": "unknown_name"' in entry


def test_a_sign_in_without_the_form_s_token_is_refused(client: FlaskClient) -> None:
    add()
    answer = client.post("/sign-in", data={"email": "asha@test.example", "password": PASSWORD})
    assert answer.status_code == 400 and session_cookie(client) is None


def test_ten_wrong_passwords_stop_the_source_and_the_stop_ends_by_itself(client: FlaskClient) -> None:
    add()
    for _ in range(10):
        assert give_password(client, password="not the right password").status_code == 422
    stopped = give_password(client)
    assert stopped.status_code == 429 and "Retry-After" in stopped.headers
    with time_machine.travel(times.now() + timedelta(minutes=15, seconds=1)):
        assert give_password(client).status_code == 302


def test_tries_while_stopped_do_not_lengthen_the_stop(client: FlaskClient) -> None:
    add()
    begun = times.now()
    for _ in range(10):
        give_password(client, password="not the right password")
    for minutes in (5, 10, 14):
        with time_machine.travel(begun + timedelta(minutes=minutes)):
            assert give_password(client, password="not the right password").status_code == 429
    with time_machine.travel(begun + timedelta(minutes=15, seconds=30)):
        assert give_password(client).status_code == 302


def test_unknown_names_are_stopped_just_the_same(client: FlaskClient) -> None:
    for _ in range(10):
        give_password(client, "nobody@test.example")
    assert give_password(client, "nobody@test.example").status_code == 429


def test_wrong_passwords_from_elsewhere_keep_nobody_out_who_signed_in_from_here_before(app: Flask) -> None:
    add()
    at_home = app.test_client()
    give_password(at_home)
    other_client = app.test_client()
    other_client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    for _ in range(12):
        give_password(other_client, password="not the right password")
    assert at_home.get("/system/users").status_code == 200
    assert give_password(other_client).status_code == 429
    other_window = app.test_client()
    assert give_password(other_window).status_code == 302


def test_a_client_s_own_forwarding_header_changes_nothing(client: FlaskClient, owner: Owner) -> None:
    add()
    client.post(
        "/sign-in",
        data={
            "csrf_token": form_token(client, "/sign-in"),
            "email": "asha@test.example",
            "password": PASSWORD,
        },
        headers={"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"},
    )
    with owner() as session:
        assert "203.0.113.9" not in "".join(session.scalars(select(AuditEntry.entry)))


def test_signing_out_ends_the_session_and_empties_the_browser(client: FlaskClient, app: Flask) -> None:
    add()
    give_password(client)
    copied = session_cookie(client)
    answer = post(client, "/sign-out")
    assert '"cookies"' in answer.headers["Clear-Site-Data"]
    thief = app.test_client()
    thief.set_cookie("session", str(copied))
    assert thief.get("/account").location.startswith("/sign-in")


def test_opening_the_sign_out_page_signs_nobody_out(client: FlaskClient) -> None:
    add()
    give_password(client)
    assert "Do you want to sign out?" in client.get("/sign-out").text
    assert client.get("/account").status_code == 200


def test_a_disabled_account_is_out_at_its_next_request(client: FlaskClient, make_actor: MakeActor) -> None:
    make_actor(Role.ADMIN)
    added = add()
    give_password(client)
    administration.disable_account(Command(Actor.worker("tests"), times.now()), added.user_id)
    assert client.get("/account").location.startswith("/sign-in")


def test_a_role_that_was_taken_away_is_gone_at_the_next_request(client: FlaskClient, owner: Owner) -> None:
    added = add()
    give_password(client)
    with owner() as session:
        session.execute(update(User).where(User.id == added.user_id).values(role=Role.AUDITOR))
    assert client.get("/system/users").status_code == 403
    assert client.get("/audit").status_code == 200


def test_a_session_ends_after_half_an_hour_without_use(client: FlaskClient) -> None:
    add()
    give_password(client)
    with time_machine.travel(times.now() + timedelta(minutes=29)):
        assert client.get("/account").status_code == 200
    with time_machine.travel(times.now() + timedelta(minutes=58)):
        assert client.get("/account").status_code == 200
    with time_machine.travel(times.now() + timedelta(minutes=89)):
        assert client.get("/account").status_code == 302


def test_a_session_ends_after_twelve_hours_however_much_it_is_used(client: FlaskClient) -> None:
    add()
    give_password(client)
    begun = times.now()
    for half_hours in range(1, 29):
        with time_machine.travel(begun + timedelta(minutes=25 * half_hours)):
            assert client.get("/account").status_code == 200
    with time_machine.travel(begun + timedelta(hours=12, seconds=5)):
        assert client.get("/account").status_code == 302


def test_a_request_looks_the_session_up_with_two_statements(
    app: Flask, client: FlaskClient, owner: Owner, administrator_actor: Actor
) -> None:
    sign_in(client, owner, administrator_actor)
    statements: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if "SAVEPOINT" not in statement:
            statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        assert client.get("/account").status_code == 200
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert len(statements) == 2, statements


def test_signing_in_leads_back_to_the_page_that_was_asked_for(client: FlaskClient) -> None:
    add()
    wanted = client.get("/system/state?x=1").location
    assert give_password(client, path=wanted).location == "/system/state?x=1"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:1"]
)
def test_signing_in_never_leads_off_this_host(client: FlaskClient, elsewhere: str) -> None:
    add()
    assert give_password(client, path=f"/sign-in?next={elsewhere}").location == "/"


def test_a_starting_password_opens_nothing_but_the_choice_of_another(client: FlaskClient) -> None:
    added = add(password=None)
    give_password(client, password=str(added.starting_password))
    assert client.get("/").location == "/sign-in/new-password"
    assert client.get("/system/users").status_code == 302
    before = session_cookie(client)
    answer = post(client, "/sign-in/new-password", password=PASSWORD, repeated=PASSWORD)
    assert answer.location == "/" and session_cookie(client) != before
    assert client.get("/system/users").status_code == 200


def test_a_starting_password_cannot_be_kept(client: FlaskClient) -> None:
    added = add(password=None)
    starting = str(added.starting_password)
    give_password(client, password=starting)
    answer = post(client, "/sign-in/new-password", password=starting, repeated=starting)
    assert answer.status_code == 422


def test_a_starting_password_runs_out_after_a_week(client: FlaskClient) -> None:
    added = add(password=None)
    with time_machine.travel(times.now() + timedelta(days=7, minutes=1)):
        assert give_password(client, password=str(added.starting_password)).status_code == 422


def test_changing_the_password_ends_every_other_session(client: FlaskClient, app: Flask) -> None:
    add()
    elsewhere = app.test_client()
    give_password(elsewhere)
    give_password(client)
    new = "four loud purple chairs"
    answer = post(client, "/account/password", current=PASSWORD, password=new, repeated=new)
    assert answer.location == "/account"
    assert "Your password was changed" in client.get("/account").text
    assert elsewhere.get("/account").status_code == 302
    assert give_password(app.test_client(), password=new).status_code == 302


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"current": "not the right password"}, "This is not your password now"),
        ({"password": "short", "repeated": "short"}, "12 or more characters"),
        ({"password": "Password12345", "repeated": "Password12345"}, "Many people use this password"),
        ({"password": "victim-gateway-1", "repeated": "victim-gateway-1"}, "Without the name"),
        ({"password": "Liverpool1992!", "repeated": "Liverpool1992!"}, "easily guessed"),
        ({"repeated": "something else here"}, "The two passwords differ"),
        ({"password": PASSWORD, "repeated": PASSWORD}, "not the one you have now"),
    ],
)
def test_a_password_change_that_cannot_be_made_says_why(
    client: FlaskClient, fields: dict[str, str], message: str
) -> None:
    add()
    give_password(client)
    new = "four loud purple chairs"
    answer = post(
        client, "/account/password", **{"current": PASSWORD, "password": new, "repeated": new, **fields}
    )
    assert answer.status_code == 422 and message in answer.text


def test_an_old_hash_is_made_anew_at_sign_in(
    app: Flask, client: FlaskClient, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where people sign in, that is; tests hash cheaply.
    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], env="development"))
    added = add()
    weak = PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD)
    with owner() as session:
        session.execute(update(User).where(User.id == added.user_id).values(password_hash=weak))
    give_password(client)
    with owner() as session:
        password_hash = session.scalars(select(User.password_hash)).one()
    assert password_hash != weak and "m=65536" in password_hash
    assert give_password(client.application.test_client()).status_code == 302


def test_every_step_is_in_the_audit(client: FlaskClient, owner: Owner) -> None:
    add()
    give_password(client, password="not the right password")
    give_password(client)
    post(client, "/sign-out")
    assert actions(owner) == ["user.added", "sign_in.refused", "sign_in.password_accepted", "sign_out"]


@pytest.mark.usefixtures("second_factor")
class TestSecondFactor:
    def test_after_the_password_only_the_code_page_and_sign_out_open(self, client: FlaskClient) -> None:
        add(with_second_factor=True)
        give_password(client)
        assert client.get("/").location == "/sign-in/code"
        for path in ("/account", "/system/users", "/sign-in/set-up-code", "/sign-in/new-password"):
            assert client.get(path).status_code == 302
        assert client.get("/sign-out").status_code == 200

    def test_the_code_opens_a_new_session(self, client: FlaskClient, app: Flask) -> None:
        secret = str(add(with_second_factor=True).totp_secret)
        give_password(client)
        before = session_cookie(client)
        assert post(client, "/sign-in/code", code=pyotp.TOTP(secret).now()).location == "/"
        assert session_cookie(client) != before
        assert client.get("/system/users").status_code == 200
        old = app.test_client()
        old.set_cookie("session", str(before))
        assert old.get("/sign-in/code").location == "/sign-in"

    def test_a_code_works_once(self, client: FlaskClient, app: Flask) -> None:
        secret = str(add(with_second_factor=True).totp_secret)
        code = pyotp.TOTP(secret).now()
        give_password(client)
        post(client, "/sign-in/code", code=code)
        other = app.test_client()
        give_password(other)
        assert post(other, "/sign-in/code", code=code).status_code == 422

    @pytest.mark.parametrize(("steps", "status"), [(0, 302), (-1, 302), (-2, 422), (1, 422)])
    def test_a_code_is_good_for_its_half_minute_and_the_next(
        self, client: FlaskClient, steps: int, status: int
    ) -> None:
        with time_machine.travel("2026-03-10T09:00:15Z", tick=False):
            secret = str(add(with_second_factor=True).totp_secret)
            give_password(client)
            code = pyotp.TOTP(secret).at(times.now() + timedelta(seconds=30 * steps))
            assert post(client, "/sign-in/code", code=code).status_code == status

    def test_ten_wrong_codes_end_the_attempt(self, client: FlaskClient) -> None:
        secret = str(add(with_second_factor=True).totp_secret)
        give_password(client)
        for _ in range(9):
            assert post(client, "/sign-in/code", code="000000").status_code == 422
        assert "ended" in post(client, "/sign-in/code", code="000000").location
        assert client.get("/sign-in/code").location == "/sign-in"
        give_password(client)
        assert post(client, "/sign-in/code", code=pyotp.TOTP(secret).now()).status_code == 429
        with time_machine.travel(times.now() + timedelta(minutes=16)):
            give_password(client)
            answer = post(client, "/sign-in/code", code=pyotp.TOTP(secret).now())
            assert answer.location == "/"

    def test_a_half_signed_in_session_dies_after_ten_minutes(self, client: FlaskClient) -> None:
        add(with_second_factor=True)
        give_password(client)
        with time_machine.travel(times.now() + timedelta(minutes=10, seconds=1)):
            assert client.get("/sign-in/code").location == "/sign-in"

    def test_the_first_sign_in_sets_the_codes_up_and_shows_the_secret_once(
        self, client: FlaskClient, owner: Owner
    ) -> None:
        add()
        give_password(client)
        assert client.get("/").location == "/sign-in/set-up-code"
        page = client.get("/sign-in/set-up-code").text
        assert "Show the picture" in page and "<svg" not in page.partition("<main")[2]
        shown = post(client, "/sign-in/set-up-code", begin="yes").text
        assert "<svg" in shown and "style=" not in shown
        secret = re.search(r'vg-secret">([A-Z2-7 ]+)<', shown)
        assert secret is not None
        assert secret[1] not in client.get("/sign-in/set-up-code").text
        totp = pyotp.TOTP(secret[1].replace(" ", ""))
        answer = post(client, "/sign-in/set-up-code", code=totp.now())
        assert answer.location == "/" and client.get("/account").status_code == 200
        with owner() as session:
            user = session.scalars(select(User)).one()
        assert user.totp_confirmed_at is not None
        assert totp.secret.encode() not in (user.totp_sealed or b"")

    def test_a_password_change_asks_for_a_fresh_code(self, client: FlaskClient) -> None:
        secret = str(add(with_second_factor=True).totp_secret)
        give_password(client)
        code = pyotp.TOTP(secret).now()
        post(client, "/sign-in/code", code=code)
        new = "four loud purple chairs"
        fields = {"current": PASSWORD, "password": new, "repeated": new}
        used = post(client, "/account/password", code=code, **fields)
        assert used.status_code == 422 and "used before" in used.text
        with time_machine.travel(times.now() + timedelta(seconds=60)):
            fresh = pyotp.TOTP(secret).now()
            assert post(client, "/account/password", code=fresh, **fields).status_code == 302
            assert client.get("/account").status_code == 200

    def test_taking_the_codes_away_ends_open_sessions(self, client: FlaskClient) -> None:
        added = add(with_second_factor=True)
        give_password(client)
        post(client, "/sign-in/code", code=pyotp.TOTP(str(added.totp_secret)).now())
        administration.reset_second_factor(Command(Actor.worker("tests"), times.now()), added.user_id)
        assert client.get("/account").status_code == 302
        give_password(client)
        assert client.get("/").location == "/sign-in/set-up-code"


def test_strangers_learn_nothing_from_metrics_behind_an_unknown_proxy(client: FlaskClient) -> None:
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 404
    client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    assert client.get("/metrics").status_code == 404


def test_metrics_tell_requests_by_endpoint_and_what_waits(client: FlaskClient) -> None:
    client.get("/sign-in")
    text = client.get("/metrics").text
    assert 'gateway_requests_total{endpoint="accounts.sign_in",method="GET",status="200"}' in text
    assert "gateway_outbox_oldest_seconds 0.0" in text
    assert 'gateway_import_batches{state="running"} 0.0' in text


def test_ready_says_no_more_than_whether(client: FlaskClient) -> None:
    assert client.get("/health/live").json == {"status": "live"}
    assert client.get("/health/ready").json == {"status": "ready"}


def test_only_one_session_row_is_made_by_one_sign_in(
    client: FlaskClient, owner: Owner, make_actor: MakeActor
) -> None:
    make_actor(Role.AUDITOR)
    add()
    give_password(client)
    with owner() as session:
        assert session.scalar(select(func.count()).select_from(WebSession)) == 1


@contextmanager
def another_app(settings: Settings, **changes: object) -> Iterator[Flask]:
    app = create_app(replace(settings, **changes))  # type: ignore[arg-type]
    app.testing = True
    app.jinja_env.bytecode_cache = COMPILED_TEMPLATES
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def test_the_address_is_the_one_that_the_trusted_proxy_saw(
    committed_settings: Settings, committed_owner: Owner
) -> None:
    forwarded = {"X-Forwarded-For": "10.9.9.9, 203.0.113.9"}
    with another_app(committed_settings, trusted_proxies=1) as app:
        client = app.test_client()
        token = form_token(client, "/sign-in")
        fields = {"csrf_token": token, "email": "nobody@test.example", "password": PASSWORD}
        client.post("/sign-in", data=fields, headers=forwarded)
        assert client.get("/metrics", headers=forwarded).status_code == 404
    with committed_owner() as session:
        entry = session.scalars(select(AuditEntry.entry)).one()
    assert '"address": "203.0.113.9"' in entry and "10.9.9.9" not in entry


def test_only_the_public_host_name_is_answered_once_it_is_known(committed_settings: Settings) -> None:
    with another_app(committed_settings, public_url="https://gateway.example") as app:
        client = app.test_client()
        asked = {
            host: client.get("/sign-in", base_url=f"https://{host}").status_code
            for host in ("gateway.example", "gateway.example:8443", "127.0.0.1:8000", "evil.example")
        }
    assert asked == {
        "gateway.example": 200,
        "gateway.example:8443": 200,
        "127.0.0.1:8000": 200,
        "evil.example": 400,
    }


def test_in_production_cookies_are_tied_to_the_host_and_to_https(committed_settings: Settings) -> None:
    https = "https://gateway.example"
    with another_app(committed_settings, env="production", require_mfa=True) as app:
        add()
        client = app.test_client()
        page = client.get("/sign-in", base_url=https)
        token = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
        answer = client.post(
            "/sign-in",
            base_url=https,
            headers={"Referer": f"{https}/sign-in"},
            data={"csrf_token": token, "email": "asha@test.example", "password": PASSWORD},
        )
    cookies = answer.headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-session", "__Host-form"}
    assert all("Secure" in c and "HttpOnly" in c and "Path=/" in c and "Domain" not in c for c in cookies)
