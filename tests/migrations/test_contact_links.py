"""Migration 0041 down and up as an owner of the tables that is no superuser, under FORCE RLS."""

from __future__ import annotations

from datetime import timedelta

import pytest
from alembic import command
from alembic.config import Config
from flask import Flask
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from config import Settings
from tests.integration.onward_referrals.by_link import a_charity, register
from tests.plumbing import ROOT
from tests.plumbing.apps import Owner
from victim_gateway import times

OWNED = """
SELECT format('ALTER %s %I.%I OWNER TO plain_owner', CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE'
    WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, 'public', c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i', 'e') AND c.relkind = 'S')
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
UNION ALL
SELECT format('ALTER FUNCTION %s OWNER TO plain_owner', p.oid::regprocedure)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'public' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""


def as_plain_owner(connection: Connection) -> None:
    connection.execute(
        text(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'plain_owner') THEN"
            " CREATE ROLE plain_owner NOSUPERUSER NOBYPASSRLS LOGIN; END IF; END $$"
        )
    )
    for role in connection.scalars(text("SELECT rolname FROM pg_roles WHERE rolname LIKE 'gateway_%'")).all():
        connection.execute(text(f"GRANT {role} TO plain_owner WITH INHERIT FALSE, SET TRUE"))
    connection.execute(text("GRANT ALL ON SCHEMA public TO plain_owner"))
    connection.execute(text("ALTER SCHEMA public OWNER TO plain_owner"))
    for line in connection.scalars(text(OWNED)).all():
        connection.execute(text(line))
    connection.execute(text("ALTER POLICY owner_reads ON onward_referral TO plain_owner"))
    connection.commit()
    connection.execute(text("SET SESSION AUTHORIZATION plain_owner"))
    connection.commit()
    assert connection.scalar(text("SELECT current_user")) == "plain_owner"
    assert connection.scalar(text("SELECT count(*) FROM provider_service")) == 0  # FORCE RLS bites
    connection.rollback()


def config_of(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["connection"] = connection
    return config


@pytest.mark.parametrize("registered", [True, False])
def test_it_goes_down_and_up_while_no_service_has_a_contact(
    registered: bool, committed_app: Flask, committed_settings: Settings, committed_owner: Owner
) -> None:
    a_charity(committed_owner, at=times.now() - timedelta(days=3))
    if not registered:
        with committed_owner() as session:
            session.execute(text("DELETE FROM membership"))
            session.execute(text("UPDATE provider_service SET contact_name = NULL, contact_email = NULL"))
            session.execute(text("DELETE FROM app_user WHERE contact_service_id IS NOT NULL"))
    engine = create_engine(str(committed_settings.database_owner_url), poolclass=NullPool)
    with engine.connect() as connection:
        as_plain_owner(connection)
        if registered:
            with pytest.raises(RuntimeError, match="registered contacts"):
                command.downgrade(config_of(connection), "0040")
            connection.rollback()
        else:
            command.downgrade(config_of(connection), "0040")
            connection.commit()
            command.upgrade(config_of(connection), "head")
            connection.commit()
    engine.dispose()


def test_a_contact_that_was_taken_out_again_keeps_it_up(
    committed_app: Flask, committed_settings: Settings, committed_owner: Owner
) -> None:
    charity = a_charity(committed_owner, at=times.now() - timedelta(days=3))
    register(charity.service_id, None, None, at=times.now())
    engine = create_engine(str(committed_settings.database_owner_url), poolclass=NullPool)
    with engine.connect() as connection:
        as_plain_owner(connection)
        with pytest.raises(RuntimeError, match="registered contacts"):
            command.downgrade(config_of(connection), "0040")
        connection.rollback()
    engine.dispose()
