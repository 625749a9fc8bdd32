"""What holds in every transaction, whether the server connection is ours alone or shared by a pooler."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import text

from config import Settings, SettingsError
from victim_gateway import create_app
from victim_gateway.actors import Actor
from victim_gateway.database.connection_options import OPTIONS
from victim_gateway.database.replica import figures_session, replica_delay_s
from victim_gateway.database.transaction import transaction
from victim_gateway.extensions import db
from victim_gateway.services.operations.health import check_health
from victim_gateway.times import now

WORKER = Actor.worker("tests")
NO_SERVER = "postgresql+psycopg://gateway_app@127.0.0.1:1/gateway"


def options_of(app: Flask) -> dict[str, str]:
    with app.app_context():
        try:
            with transaction(WORKER) as session:
                row = session.execute(
                    text("SELECT " + ", ".join(f"current_setting('{name}')" for name in OPTIONS))
                ).one()
        finally:
            db.session.remove()
            db.engine.dispose()
    return dict(zip(OPTIONS, row, strict=True))


def test_the_limits_are_the_same_with_and_without_a_pooler(committed_settings: Settings) -> None:
    plain = options_of(create_app(committed_settings))
    as_program = str(committed_settings.database_url)
    pooled = replace(committed_settings, database_url=as_program, database_pooling="transaction")
    assert options_of(create_app(pooled)) == plain
    assert plain["statement_timeout"] == "1min"


def test_an_owner_behind_a_pooler_is_refused(committed_settings: Settings) -> None:
    owner = committed_settings.database_owner_url
    app = create_app(replace(committed_settings, database_url=owner, database_pooling="transaction"))
    with pytest.raises(SettingsError, match="DATABASE_URL must sign in as gateway_app"):
        options_of(app)


def test_a_replica_that_is_away_is_replaced_by_the_database_and_said(committed_settings: Settings) -> None:
    settings = replace(committed_settings, database_replica_url=NO_SERVER)
    with create_app(settings).app_context():
        try:
            with transaction(WORKER) as session, figures_session(session) as reading:
                assert reading is session
            assert replica_delay_s() is None
            checks = {check.name: check for check in check_health(settings, actor=WORKER, at=now())}
            assert checks["replica"].is_warning and checks["replica"].is_right
        finally:
            db.session.remove()
            db.engine.dispose()


def test_figures_on_a_replica_are_read_with_the_same_rights(committed_settings: Settings) -> None:
    # the same database stands for its replica: what counts is the second connection and its role
    settings = replace(committed_settings, database_replica_url=committed_settings.database_url)
    asked = text("SELECT pg_backend_pid(), current_user, current_setting('statement_timeout')")
    with create_app(settings).app_context():
        try:
            with (
                transaction(WORKER) as session,
                figures_session(session, statement_timeout="7min") as reading,
            ):
                first, second = session.execute(asked).one(), reading.execute(asked).one()
            assert first[0] != second[0]
            assert first[1:] == second[1:] == (WORKER.database_role.value, "7min")
            assert replica_delay_s() == 0
        finally:
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()
