"""Why the database can't be used is said in one line: by `gateway doctor` and by every command."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy.exc import SQLAlchemyError

from config import Settings, load_settings
from tests.plumbing.own_servers import PasswordServer, free_port, password_server
from tests.plumbing.programs import gateway
from victim_gateway import create_app, times
from victim_gateway.actors import Actor
from victim_gateway.database.failures import explain_database_failure
from victim_gateway.database.schema_revision import newest_revision
from victim_gateway.database.upgrade import upgrade_database
from victim_gateway.extensions import db
from victim_gateway.services.operations.health import check_health

APP_PASSWORD = "the-services-password"
OWNER_PASSWORD = "the-owners-password"
OTHER_PASSWORD = "another-password"
SECRETS = (APP_PASSWORD, OWNER_PASSWORD, OTHER_PASSWORD)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PasswordServer]:
    """A server with a migrated database `gateway`, an empty one, and accounts with too few rights."""
    with password_server(tmp_path_factory.mktemp("failures")) as running:
        running.run(
            f"CREATE ROLE gateway_owner LOGIN CREATEROLE PASSWORD '{OWNER_PASSWORD}'",
            f"CREATE ROLE passer_by LOGIN PASSWORD '{OTHER_PASSWORD}'",
            f"CREATE ROLE weak_owner LOGIN PASSWORD '{OTHER_PASSWORD}'",
            f"CREATE ROLE asleep NOLOGIN PASSWORD '{OTHER_PASSWORD}'",
            "CREATE DATABASE gateway OWNER gateway_owner",
            "CREATE DATABASE empty OWNER gateway_owner",
            "CREATE DATABASE weak OWNER weak_owner",
        )
        url = running.url("gateway_owner", "gateway", OWNER_PASSWORD)
        upgrade_database(settings_for(url))
        running.run(f"ALTER ROLE gateway_app PASSWORD '{APP_PASSWORD}'")
        yield running


def settings_for(url: str, owner_url: str | None = None) -> Settings:
    urls = {"DATABASE_URL": url, "DATABASE_OWNER_URL": owner_url or url}
    return load_settings({"GATEWAY_ENV": "test", "REDIS_URL": "redis://127.0.0.1:1/0", **urls})


def doctor_says(settings: Settings) -> dict[str, str]:
    """Each check that is wrong, with its text."""
    app = create_app(settings)
    with app.app_context():
        checks = check_health(settings, actor=Actor.worker("doctor"), at=times.now())
        db.engine.dispose()
    return {check.name: check.finding for check in checks if not check.is_right}


def run(*arguments: str, url: str, owner_url: str | None = None) -> subprocess.CompletedProcess[str]:
    urls = {"DATABASE_URL": url, "DATABASE_OWNER_URL": owner_url or url}
    return gateway(*arguments, environment={**os.environ, "REDIS_URL": "redis://127.0.0.1:1/0", **urls})


@pytest.mark.parametrize(
    ("account", "password", "database", "reason"),
    [
        ("gateway_app", OTHER_PASSWORD, "gateway", "wrong password for the account gateway_app"),
        ("gateway_app", APP_PASSWORD, "gone", "there is no database gone on this server"),
        ("asleep", OTHER_PASSWORD, "gateway", "the account asleep may not sign in"),
        (
            "passer_by",
            OTHER_PASSWORD,
            "gateway",
            "the account may not become gateway_app: sign in as gateway_app, or GRANT gateway_app TO it",
        ),
    ],
)
def test_doctor_says_why_the_database_can_not_be_used(
    server: PasswordServer, account: str, password: str, database: str, reason: str
) -> None:
    wrong = doctor_says(settings_for(server.url(account, database, password)))
    assert wrong["database"] == reason
    assert wrong["schema"] == "not known: the database can't be used"


def test_doctor_says_that_a_server_is_away() -> None:
    wrong = doctor_says(
        settings_for(f"postgresql://gateway_app:{APP_PASSWORD}@127.0.0.1:{free_port()}/gateway")
    )
    assert wrong["database"] == "not reachable: nothing answers at that address"


def test_doctor_says_that_the_name_of_a_server_is_not_known() -> None:
    wrong = doctor_says(settings_for(f"postgresql://gateway_app:{APP_PASSWORD}@db.invalid/gateway"))
    assert wrong["database"] == "the name of the server is not known"


def test_doctor_says_that_a_database_is_empty(server: PasswordServer) -> None:
    wrong = doctor_says(settings_for(server.url("gateway_app", "empty", APP_PASSWORD)))
    assert wrong["schema"] == "there are no tables yet: run gateway db upgrade"
    assert "database" not in wrong


def test_doctor_says_that_the_schema_is_old(server: PasswordServer) -> None:
    newest = newest_revision()
    server.run("UPDATE alembic_version SET version_num = '0003'", database="gateway")
    try:
        wrong = doctor_says(settings_for(server.url("gateway_app", "gateway", APP_PASSWORD)))
    finally:
        server.run(f"UPDATE alembic_version SET version_num = '{newest}'", database="gateway")
    assert wrong["schema"] == f"has 0003, needs {newest}: run gateway db upgrade"


def test_doctor_says_whose_area_the_database_is(server: PasswordServer) -> None:
    settings = settings_for(server.url("gateway_app", "gateway", APP_PASSWORD))
    wrong = doctor_says(replace(settings, area=load_settings({"GATEWAY_AREA": "cleveland"}).area))
    assert wrong["area"].startswith(
        "GATEWAY_AREA is cleveland, but this database holds the data of staffordshire: "
    )
    assert wrong["keys"] == "not looked at in another area's database"
    assert "database" not in wrong


def test_doctor_ends_with_status_1_and_repeats_no_password(server: PasswordServer) -> None:
    done = run("doctor", url=server.url("gateway_app", "gateway", OTHER_PASSWORD))
    assert done.returncode == 1
    assert "WRONG  database   wrong password for the account gateway_app\n" in done.stdout
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)


@pytest.mark.parametrize(
    ("account", "password", "database", "reason"),
    [
        (
            "passer_by",
            OTHER_PASSWORD,
            "empty",
            "the account lacks a right (permission denied for schema public): ",
        ),
        (
            "weak_owner",
            OTHER_PASSWORD,
            "weak",
            "the account that migrates (DATABASE_OWNER_URL) may not grant the role gateway_",
        ),
        ("gateway_app", APP_PASSWORD, "gateway", "the account lacks a right (permission denied for table "),
        ("gateway_owner", OTHER_PASSWORD, "gateway", "wrong password for the account gateway_owner"),
    ],
)
def test_an_upgrade_with_the_wrong_account_names_what_it_lacks(
    server: PasswordServer, account: str, password: str, database: str, reason: str
) -> None:
    with pytest.raises(SQLAlchemyError) as refused:
        upgrade_database(settings_for(server.url(account, database, password)))
    assert str(explain_database_failure(refused.value)).startswith(reason)


def test_an_upgrade_that_is_refused_is_one_line_and_status_1(server: PasswordServer) -> None:
    done = run("db", "upgrade", url=server.url("passer_by", "empty", OTHER_PASSWORD))
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "gateway: the database: the account lacks a right (permission denied for schema public): "
    )
    assert OTHER_PASSWORD not in line


def test_a_command_of_an_account_without_rights_is_one_line_and_status_1(server: PasswordServer) -> None:
    url = server.url("passer_by", "gateway", OTHER_PASSWORD)
    owner_url = server.url("gateway_owner", "gateway", OWNER_PASSWORD)
    done = run("users", "list", url=url, owner_url=owner_url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "gateway: the database: the account may not become gateway_app: sign in as gateway_app, or"
        " GRANT gateway_app TO it"
    ]


def test_an_account_that_may_make_no_roles_is_named_on_a_server_that_has_none(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with password_server(tmp_path_factory.mktemp("bare")) as bare:
        bare.run(
            f"CREATE ROLE weak_owner LOGIN PASSWORD '{OTHER_PASSWORD}'",
            "CREATE DATABASE weak OWNER weak_owner",
        )
        with pytest.raises(Exception, match="permission denied to create role") as refused:
            upgrade_database(settings_for(bare.url("weak_owner", "weak", OTHER_PASSWORD)))
    assert explain_database_failure(refused.value) == (
        "the account that migrates (DATABASE_OWNER_URL) needs CREATEROLE"
    )


def test_no_reason_repeats_what_the_driver_says_of_an_address() -> None:
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect("postgresql://me@half-a-password.invalid/gateway")
    assert "half-a-password" in str(refused.value)
    assert explain_database_failure(refused.value) == "the name of the server is not known"
