"""The migrations make what the models describe, and only forwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import TextClause, create_engine, text
from sqlalchemy.pool import NullPool

import victim_gateway.models  # noqa: F401  the tables register themselves
from config import Settings
from tests.factories.feeds import feed_row
from tests.factories.imports import IMPORTER, import_rows, imported_person
from tests.plumbing import ROOT
from tests.plumbing.servers import copied_database
from victim_gateway.database import upgrade
from victim_gateway.extensions import Base
from victim_gateway.services.people.search_index import index_waiting_people

MIGRATIONS = ROOT / "migrations"


def test_there_is_one_head_and_the_file_names_it() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    heads = ScriptDirectory.from_config(config).get_heads()
    assert heads == [Path(MIGRATIONS / "HEAD").read_text().strip()]


def test_from_an_empty_database_to_the_newest_and_again(servers: Settings, worker_id: str) -> None:
    with copied_database(servers, f"empty_{worker_id}", template="template0") as empty:
        assert not upgrade.is_schema_current(empty)
        upgrade.upgrade_database(empty)
        assert upgrade.is_schema_current(empty)
        upgrade.upgrade_database(empty)
        assert upgrade.is_schema_current(empty)


def test_models_and_schema_say_the_same(committed_settings: Settings) -> None:
    engine = create_engine(str(committed_settings.database_owner_url), poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)
        indexes = {
            index.name: index
            for table in Base.metadata.tables.values()
            for index in table.indexes
            if any(isinstance(key, TextClause) and "CASE" in key.text for key in index.expressions)
        }
        # Alembic compares the text of an expression, which PostgreSQL writes in its own way: these are built anew.
        for name, index in indexes.items():
            connection.execute(text(f"ALTER INDEX {name} RENAME TO migrated"))
            index.create(connection)
            migrated, described = (
                connection.scalar(text(f"SELECT pg_get_indexdef('{each}'::regclass)"))
                for each in ("migrated", name)
            )
            assert str(migrated).replace("migrated", str(name)) == described
            connection.execute(text("DROP INDEX migrated"))
        connection.rollback()
    engine.dispose()
    assert len(indexes) == 6
    assert [change for change in differences if change[1].name not in indexes] == []


def test_what_would_lose_every_record_is_refused(committed_settings: Settings) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(str(committed_settings.database_owner_url), poolclass=NullPool)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        with pytest.raises(RuntimeError, match="can't be taken back"):
            command.downgrade(config, "base")
    engine.dispose()


def test_people_of_the_release_before_keep_their_rows_and_wait_for_the_index_pass(
    committed_app: Flask, committed_settings: Settings
) -> None:
    row = feed_row(given_name="Bartholomew", family_name="Hancock")
    import_rows(row)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(str(committed_settings.database_owner_url), poolclass=NullPool)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0004")
        connection.commit()
        command.upgrade(config, "head")
        connection.commit()
        waiting = "SELECT count(*) FROM person WHERE search_parts IS NULL"
        assert connection.scalar(text(waiting)) == 1
        connection.commit()
        assert index_waiting_people(actor=IMPORTER) == 2
        assert connection.scalar(text(waiting)) == 0
    engine.dispose()
    assert imported_person(row)["family_name"] == "Hancock"
