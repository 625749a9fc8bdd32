"""Settings: typed, checked at start, one line that names the bad variable."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from config import SettingsError, area_profile, development, load_settings
from config import celery as timetable
from config.logging import REDACTION, redact_fields
from config.password_hashing import FULL_HASHING, TEST_HASHING
from victim_gateway.vocabulary import TaskName

GOOD_KEY = base64.b64encode(bytes(range(32))).decode()
PRODUCTION = {
    "GATEWAY_ENV": "production",
    "SECRET_KEY": "7f2c9a4be1d05836-7f2c9a4be1d05836",
    "GATEWAY_DATA_KEYS": f"2026a:{GOOD_KEY}",
    "DATABASE_URL": "postgresql://gateway_app@h/gw",
    "REDIS_URL": "redis://h/0",
}


def test_nothing_set_gives_development_with_embedded_servers() -> None:
    settings = load_settings({})
    assert (settings.env, settings.database_url, settings.redis_url) == ("development", None, None)
    assert (settings.area.key, settings.port, settings.require_mfa) == ("staffordshire", 8000, False)
    assert settings.home == Path.cwd() / "var"


@pytest.mark.parametrize(
    "values",
    [
        {},
        PRODUCTION,
        {**PRODUCTION, "GATEWAY_PUBLIC_URL": "http://127.0.0.1:8000"},
        {"GATEWAY_ENV": "test", "GATEWAY_PUBLIC_URL": "https://try.gateway.example"},
        {"GATEWAY_ENV": "test", "GATEWAY_DATA_KEYS": f"a:{GOOD_KEY}"},
    ],
    ids=[
        "development",
        "production",
        "production behind a proxy",
        "a system others reach",
        "keys of its own",
    ],
)
def test_wherever_people_sign_in_a_password_costs_its_full_work(values: dict[str, str]) -> None:
    assert load_settings(values).password_hashing == FULL_HASHING
    assert load_settings({"GATEWAY_ENV": "test"}).password_hashing == TEST_HASHING


@pytest.mark.parametrize("public_url", ["", "http://localhost:8000"])
def test_where_a_password_costs_little_requests_must_name_this_machine(public_url: str) -> None:
    tested = load_settings({"GATEWAY_ENV": "test", "GATEWAY_PUBLIC_URL": public_url})
    assert (tested.password_hashing, tested.trusted_hosts) == (TEST_HASHING, ["127.0.0.1", "localhost"])
    # A development server may be looked at from a phone, and hashes at full cost.
    assert load_settings({"GATEWAY_PUBLIC_URL": public_url}).trusted_hosts is None


@pytest.mark.parametrize("public_url", ["", "http://gateway.force.example", "https://127.0.0.1"])
def test_production_mails_no_links_that_begin_with_another_address(public_url: str) -> None:
    with_mail = {**PRODUCTION, "SMTP_URL": "smtps://mail.internal"}
    with pytest.raises(SettingsError, match="GATEWAY_PUBLIC_URL"):
        load_settings({**with_mail, "GATEWAY_PUBLIC_URL": public_url})
    assert load_settings({**with_mail, "GATEWAY_PUBLIC_URL": "https://gateway.force.example"}).smtp_url
    assert load_settings({**PRODUCTION, "GATEWAY_PUBLIC_URL": public_url}).smtp_url is None


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_a_postgresql_url_means_the_same(scheme: str) -> None:
    settings = load_settings({"DATABASE_URL": f"{scheme}://me:pw@db.example:6432/gw?sslmode=require"})
    expected = "postgresql+psycopg://me:pw@db.example:6432/gw?sslmode=require"  # pragma: allowlist secret
    assert settings.database_url == expected
    assert settings.database_owner_url == settings.database_url


def test_the_owner_of_the_tables_may_sign_in_apart() -> None:
    settings = load_settings(
        {"DATABASE_URL": "postgresql://app@h/gw", "DATABASE_OWNER_URL": "postgresql://owner@h/gw"}
    )
    assert settings.database_owner_url == "postgresql+psycopg://owner@h/gw"


def test_tasks_queue_in_redis_unless_a_broker_is_named_for_them() -> None:
    assert load_settings(PRODUCTION).task_broker_url == PRODUCTION["REDIS_URL"]
    named = load_settings({**PRODUCTION, "BROKER_URL": "amqps://queue.internal/gateway"})
    assert (named.task_broker_url, named.queues_in_rabbitmq) == ("amqps://queue.internal/gateway", True)
    assert named.redis_url == PRODUCTION["REDIS_URL"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GATEWAY_ENV", "staging"),
        ("GATEWAY_AREA", "kent"),
        ("GATEWAY_AREA", "../areas/cleveland"),
        ("PORT", "http"),
        ("PORT", "70000"),
        ("BROKER_URL", "https://h"),
        ("DATABASE_POOLING", "statement"),
        ("DATABASE_REPLICA_URL", "postgresql://h"),
        ("DATABASE_URL", "mysql://h/gw"),
        ("DATABASE_URL", "postgresql://h"),
        ("DATABASE_URL", "postgresql://h:port/gw"),
        ("DATABASE_URL", "postgresql://me:12@3@h/gw"),  # pragma: allowlist secret
        ("DATABASE_URL", "postgresql://me:12/3@h/gw"),  # pragma: allowlist secret
        ("DATABASE_OWNER_URL", "postgresql://owner@h/gw"),
        ("REDIS_URL", "http://h"),
        ("REDIS_URL", "redis://"),
        ("SMTP_URL", "mail.example:25"),
        ("NOTIFY_BASE_URL", "notify.example"),
        ("GATEWAY_PUBLIC_URL", "gateway.example"),
        ("GATEWAY_REQUIRE_MFA", "perhaps"),
        ("GATEWAY_SESSION_IDLE_MINUTES", "0"),
        ("GATEWAY_MAX_UPLOAD_MB", "1e3"),
        ("GATEWAY_DATA_KEYS", GOOD_KEY),
        ("GATEWAY_DATA_KEYS", "a:not*base64"),
        ("GATEWAY_DATA_KEYS", "a:c2hvcnQ="),
        ("GATEWAY_DATA_KEYS", f"a:{GOOD_KEY},a:{GOOD_KEY}"),
        ("GATEWAY_LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line_that_names_the_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({variable: value})
    message = str(caught.value)
    assert message.startswith(f"{variable} ")
    assert "\n" not in message


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    taken = tmp_path / "home"
    taken.write_text("")
    with pytest.raises(SettingsError, match="^GATEWAY_HOME "):
        load_settings({"GATEWAY_HOME": str(taken)})


def test_the_first_data_key_is_the_current_one() -> None:
    other = base64.urlsafe_b64encode(bytes(range(200, 232))).decode()
    settings = load_settings({"GATEWAY_DATA_KEYS": f"new:{other}, old:{GOOD_KEY}"})
    assert settings.data_keys == (("new", bytes(range(200, 232))), ("old", bytes(range(32))))


def test_production_starts_with_keys_of_its_own_and_asks_for_two_factors() -> None:
    settings = load_settings(PRODUCTION)
    assert settings.is_production
    assert settings.require_mfa
    assert settings.log_format == "json"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", ""),
        ("REDIS_URL", ""),
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "a" * 64),
        ("SECRET_KEY", development.SECRET_KEY),
        ("GATEWAY_DATA_KEYS", ""),
        ("GATEWAY_DATA_KEYS", f"mine:{base64.b64encode(development.DATA_KEYS[0][1]).decode()}"),
        ("GATEWAY_DATA_KEYS", f"a:{GOOD_KEY},old:{base64.b64encode(development.DATA_KEYS[0][1]).decode()}"),
        ("GATEWAY_DATA_KEYS", f"mine:{base64.b64encode(bytes(32)).decode()}"),
        ("GATEWAY_REQUIRE_MFA", "0"),
    ],
)
def test_production_refuses_what_is_missing_public_or_guessable(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{variable} "):
        load_settings({**PRODUCTION, variable: value})


def test_secrets_are_neither_in_errors_nor_in_the_printed_settings() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"DATABASE_URL": "mysql://u:s3cret@h/gw"})  # pragma: allowlist secret
    assert "s3cret" not in str(caught.value)
    with pytest.raises(SettingsError) as caught:
        load_settings({"REDIS_URL": "redis://:s3cret/half@h/0"})  # pragma: allowlist secret
    assert "s3cret" not in str(caught.value)
    database, mail = "postgresql://u:s3cret@h/gw", "smtp://u:s3cret@h"  # pragma: allowlist secret
    shown = repr(
        load_settings(
            {
                **PRODUCTION,
                "DATABASE_URL": database,
                "SMTP_URL": mail,
                "GATEWAY_PUBLIC_URL": "https://g.example",
            }
        )
    )
    assert "s3cret" not in shown
    assert PRODUCTION["SECRET_KEY"] not in shown


@pytest.mark.parametrize(("key", "prefix", "districts"), [("staffordshire", "SG", 9), ("cleveland", "CG", 4)])
def test_both_areas_ship(key: str, prefix: str, districts: int) -> None:
    area = load_settings({"GATEWAY_AREA": key}).area
    assert (area.reference_prefix, len(area.districts), area.observers) == (prefix, districts, ("partner",))
    assert {standard.entitlement_id for standard in area.standards} == {
        "first_contact_attempted",
        "triage_assessment_completed",
        "provider_response",
        "provider_first_contact",
        "business_first_contact",
        "business_advice_contact",
    }


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"districts": []}, "districts"),
        ({"reference_prefix": "sg1"}, "reference_prefix"),
        ({"telephone": "ask us"}, "telephone"),
        ({"surprise": 1}, "surprise"),
        ({"observers": ["nobody"]}, "observers"),
    ],
)
def test_a_mistake_in_an_area_profile_is_named(change: dict[str, object], named: str) -> None:
    shipped = json.loads((area_profile.AREAS_FOLDER / "cleveland.json").read_text())
    with pytest.raises(SettingsError, match=rf"^GATEWAY_AREA .*{named}"):
        area_profile.parse_area("cleveland", json.dumps({**shipped, **change}))


def test_enhanced_rights_may_not_be_slower_than_the_standard() -> None:
    shipped = json.loads((area_profile.AREAS_FOLDER / "cleveland.json").read_text())
    shipped["standards"][0]["enhanced_limit"] = shipped["standards"][0]["standard_limit"] + 1
    with pytest.raises(SettingsError, match="enhanced_limit: must not be above"):
        area_profile.parse_area("cleveland", json.dumps(shipped))


def test_every_task_of_the_timetable_has_a_name_in_the_vocabulary() -> None:
    sent = {entry["task"] for entry in timetable.celery_settings(load_settings({}))["beat_schedule"].values()}
    assert sent <= {name.value for name in TaskName}


def test_every_task_goes_to_a_queue_that_exists() -> None:
    assert {route["queue"] for route in timetable.ROUTES.values()} <= set(timetable.QUEUES)


def test_no_task_may_last_as_long_as_the_broker_waits_before_it_hands_it_out_again() -> None:
    assert timetable.SOFT_TIME_LIMIT_S < timetable.TIME_LIMIT_S < timetable.VISIBILITY_TIMEOUT_S / 2


def test_logs_hold_no_names_however_deep_they_lie() -> None:
    event = redact_fields(
        None, "info", {"event": "x", "email": "a@b", "rows": [{"given_name": "Jo", "row": 3}]}
    )
    assert event == {"event": "x", "email": REDACTION, "rows": [{"given_name": REDACTION, "row": 3}]}


def test_a_stand_in_for_a_mail_server_is_used_unless_a_mail_server_is_named() -> None:
    stand_in = {"GATEWAY_MAIL_STAND_IN_URL": "smtp://127.0.0.1:8026"}
    settings = load_settings(stand_in)
    assert (settings.smtp_url, settings.keeps_mail) == ("smtp://127.0.0.1:8026", True)
    settings = load_settings({**stand_in, "SMTP_URL": "smtp://mail.example"})
    assert (settings.smtp_url, settings.keeps_mail) == ("smtp://mail.example", False)
    assert load_settings({}).keeps_mail is False


@pytest.mark.parametrize(
    "values",
    [
        {**PRODUCTION, "GATEWAY_MAIL_STAND_IN_URL": "smtp://127.0.0.1:8026"},
        {
            **PRODUCTION,
            "GATEWAY_MAIL_STAND_IN_URL": "smtp://127.0.0.1:8026",
            "SMTP_URL": "smtp://mail.example",
        },
        {"GATEWAY_MAIL_STAND_IN_URL": "smtp://mail.example"},
        {"GATEWAY_MAIL_STAND_IN_URL": "http://127.0.0.1:8026"},
    ],
)
def test_a_stand_in_is_refused_in_production_and_anywhere_else(values: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="^GATEWAY_MAIL_STAND_IN_URL "):
        load_settings(values)
