"""`gateway users`, `gateway audit` and `gateway doctor`, as processes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pyotp
import redis
from sqlalchemy import select, text

from config import Settings
from tests.plumbing.apps import Owner
from tests.plumbing.programs import RunGateway, environment_of, gateway
from victim_gateway import times
from victim_gateway.models import AuditEntry, User
from victim_gateway.services.operations.health import HEARTBEAT_KEY
from victim_gateway.vocabulary import Role

PASSWORD = "three quiet green lamps"


def add(settings: Settings, *arguments: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
    """With the password on standard input, which a command line would show to everybody on the machine."""
    return gateway(
        *("users", "add", *arguments, "--password-stdin", "--json"),
        environment=environment_of(settings),
        typed=password + "\n",
    )


def test_a_user_of_a_role_is_added_with_a_second_factor_shown_once(
    committed_settings: Settings, committed_owner: Owner
) -> None:
    done = add(
        committed_settings, "asha@test.example", "--name", "Asha", "--role", "caseworker", "--show-totp"
    )
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert set(printed) == {"email", "role", "totp_secret"}
    assert len(pyotp.TOTP(printed["totp_secret"]).now()) == 6
    with committed_owner() as session:
        user = session.scalars(select(User)).one()
    assert user.role is Role.CASEWORKER and user.starting_password_until is None
    assert PASSWORD not in user.password_hash


def test_without_a_password_a_starting_one_is_printed(
    run_gateway: RunGateway, committed_owner: Owner
) -> None:
    done = run_gateway("users", "add", "asha@test.example", "--name", "Asha", "--role", "auditor")
    assert done.returncode == 0 and "starting password" in done.stdout
    with committed_owner() as session:
        assert session.scalars(select(User)).one().starting_password_until is not None


def test_what_cannot_be_added_changes_nothing_and_exits_2(
    run_gateway: RunGateway, committed_settings: Settings, committed_owner: Owner
) -> None:
    weak = add(
        committed_settings, "a@test.example", "--name", "A", "--role", "admin", password="password1234"
    )
    assert weak.returncode == 2 and "Many people use this password" in weak.stderr
    homeless = run_gateway("users", "add", "p@test.example", "--name", "P", "--role", "provider")
    assert homeless.returncode == 2 and "Choose the provider" in homeless.stderr
    assert run_gateway("users", "add", "x@test.example", "--name", "X", "--role", "king").returncode == 2
    with committed_owner() as session:
        assert session.scalars(select(User)).all() == []


def test_accounts_are_listed_disabled_and_lose_their_second_factor(
    run_gateway: RunGateway, committed_settings: Settings, committed_owner: Owner
) -> None:
    add(committed_settings, "asha@test.example", "--name", "Asha", "--role", "manager", "--show-totp")
    assert run_gateway("users", "reset-mfa", "asha@test.example").returncode == 0
    assert run_gateway("users", "disable", "Asha@test.example").returncode == 0
    assert run_gateway("users", "disable", "nobody@test.example").returncode == 2
    listed = json.loads(run_gateway("users", "list", "--json").stdout)
    assert [(row["email"], row["state"], row["second_factor"]) for row in listed] == [
        ("asha@test.example", "disabled", "none")
    ]
    with committed_owner() as session:
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.sequence)).all()
    assert actions == ["user.added", "second_factor.reset", "user.disabled"]


def test_audit_verify_names_the_first_broken_entry(
    run_gateway: RunGateway, committed_settings: Settings, committed_owner: Owner, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "checkpoint.json"
    for name in ("a", "b", "c"):
        add(committed_settings, f"{name}@test.example", "--name", name, "--role", "auditor")
    whole = run_gateway("audit", "verify", "--json", "--checkpoint", checkpoint)
    assert whole.returncode == 0 and json.loads(whole.stdout)["whole"] is True
    with committed_owner() as session:
        session.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_append_only"))
        session.execute(text("DELETE FROM audit_entry WHERE sequence >= 3"))
    cut = run_gateway("audit", "verify", "--json", "--checkpoint", checkpoint)
    assert cut.returncode == 1 and json.loads(cut.stdout)["broken_at"] == 3
    with committed_owner() as session:
        session.execute(text("UPDATE audit_entry SET action = 'other' WHERE sequence = 2"))
    changed = run_gateway("audit", "verify")
    assert changed.returncode == 1 and "entry 2: its action was changed" in changed.stderr


def test_a_file_that_is_no_checkpoint_is_refused(run_gateway: RunGateway, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("{}")
    assert run_gateway("audit", "verify", "--checkpoint", other).returncode == 2
    assert other.read_text() == "{}"


def test_doctor_has_one_line_for_each_part(run_gateway: RunGateway, empty_broker: redis.Redis) -> None:
    for part in ("worker", "scheduler"):
        empty_broker.set(HEARTBEAT_KEY.format(part), times.now().timestamp())
    done = run_gateway("doctor", "--json")
    printed = json.loads(done.stdout)
    assert done.returncode == 0 and printed["right"], printed
    assert [check["name"] for check in printed["checks"]] == [
        *("database", "schema", "area", "keys", "calendar", "audit", "outbox", "messages", "to_people"),
        *("broker", "worker", "scheduler", "delivery", "channels", "scanner", "matching", "contact"),
    ]
    # Without a way to send nothing leaves, without a scanner no file is taken: warnings, and no failure.
    assert [check["name"] for check in printed["checks"] if check["warning"]] == [
        "channels",
        "scanner",
        "contact",
    ]


def test_doctor_finds_what_is_wrong(run_gateway: RunGateway, empty_broker: redis.Redis) -> None:
    empty_broker.set(HEARTBEAT_KEY.format("worker"), times.now().timestamp() - 600)
    done = run_gateway(
        "doctor",
        SMTP_URL="smtp://127.0.0.1:1",
        GATEWAY_DATA_KEYS="dev:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    )
    assert done.returncode == 1
    wrong = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("WRONG")}
    assert wrong == {"keys", "worker", "scheduler", "channels"}


def test_doctor_tells_a_database_that_is_away(committed_settings: Settings, run_gateway: RunGateway) -> None:
    away = "postgresql://gateway_app@127.0.0.1:1/gateway"
    done = run_gateway("doctor", DATABASE_URL=away, DATABASE_OWNER_URL=away)
    assert done.returncode == 1 and "WRONG  database" in done.stdout
    assert "Traceback" not in done.stderr
