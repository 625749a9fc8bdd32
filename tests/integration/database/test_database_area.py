"""A database knows whose area it is, and is refused to a program that is set to another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from config import Settings
from config.area_profile import load_area
from tests.factories.feeds import feed_file, feed_row
from tests.plumbing import ROOT
from tests.plumbing.programs import environment_of, gateway
from tests.plumbing.servers import copied_database
from victim_gateway import create_app
from victim_gateway.actors import Actor
from victim_gateway.database.area_record import WrongArea, check_area, recorded_area
from victim_gateway.database.transaction import transaction
from victim_gateway.database.upgrade import is_schema_current, upgrade_database
from victim_gateway.extensions import db

REFUSAL = "^GATEWAY_AREA is cleveland, but this database holds the data of staffordshire: "


@contextmanager
def owner_of(settings: Settings) -> Iterator[Connection]:
    engine = create_engine(str(settings.database_owner_url), poolclass=NullPool)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def area_in(settings: Settings) -> str | None:
    with owner_of(settings) as connection:
        return recorded_area(connection)


def of_cleveland(settings: Settings) -> Settings:
    return replace(settings, area=load_area("cleveland"))


def as_an_earlier_release_left_it(settings: Settings) -> None:
    """The schema before databases recorded their area."""
    with owner_of(settings) as connection:
        config = Config()
        config.set_main_option("script_location", str(ROOT / "migrations"))
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")


def add_referral(settings: Settings, folder: Path, letters: str) -> None:
    """A referral whose number begins with these letters, as that area's own program gives it."""
    feed = folder / "feed.csv"
    feed.write_bytes(feed_file(feed_row()).getvalue())
    done = gateway("import", "police-feed", feed, environment=environment_of(settings))
    assert done.returncode == 0, done.stderr
    with owner_of(settings) as connection:
        renumbered = text("UPDATE referral SET reference = :letters || substr(reference, 3)")
        connection.execute(renumbered, {"letters": letters})


def test_the_first_upgrade_writes_the_area_down(servers: Settings, worker_id: str) -> None:
    with copied_database(servers, f"area_{worker_id}", template="template0") as empty:
        upgrade_database(of_cleveland(empty))
        assert area_in(empty) == "cleveland"


def test_an_upgrade_for_another_area_is_refused_and_changes_nothing(committed_settings: Settings) -> None:
    as_an_earlier_release_left_it(committed_settings)
    with pytest.raises(WrongArea, match=REFUSAL):
        upgrade_database(of_cleveland(committed_settings))
    assert not is_schema_current(committed_settings)


def test_a_database_of_an_earlier_release_keeps_the_area_of_its_standards(
    committed_settings: Settings,
) -> None:
    as_an_earlier_release_left_it(committed_settings)
    upgrade_database(committed_settings)
    assert area_in(committed_settings) == "staffordshire"


def test_the_numbers_of_the_referrals_speak_louder_than_the_last_upgrade(
    committed_settings: Settings, tmp_path: Path
) -> None:
    add_referral(committed_settings, tmp_path, "CG")
    as_an_earlier_release_left_it(committed_settings)
    with pytest.raises(WrongArea, match="is staffordshire, but this database holds the data of cleveland: "):
        upgrade_database(committed_settings)
    with pytest.raises(WrongArea, match="can't be set to staffordshire .* those of cleveland: "):
        upgrade_database(committed_settings, set_area=True)
    upgrade_database(of_cleveland(committed_settings), set_area=True)
    assert area_in(committed_settings) == "cleveland"


def test_a_mistyped_area_is_put_right_on_purpose_only(committed_settings: Settings) -> None:
    with pytest.raises(WrongArea, match=REFUSAL):
        upgrade_database(of_cleveland(committed_settings))
    upgrade_database(of_cleveland(committed_settings), set_area=True)
    assert area_in(committed_settings) == "cleveland"


def test_once_there_are_referrals_the_area_stays(committed_settings: Settings, tmp_path: Path) -> None:
    add_referral(committed_settings, tmp_path, "SG")
    with pytest.raises(WrongArea, match="can't be set to cleveland .* those of staffordshire: "):
        upgrade_database(of_cleveland(committed_settings), set_area=True)
    assert area_in(committed_settings) == "staffordshire"


def test_the_start_of_a_program_is_refused(committed_settings: Settings) -> None:
    check_area(committed_settings)
    with pytest.raises(WrongArea, match=REFUSAL):
        check_area(of_cleveland(committed_settings))


def test_a_program_that_started_before_its_database_reads_nothing_of_another_area(
    committed_settings: Settings,
) -> None:
    app = create_app(of_cleveland(committed_settings))
    with app.app_context():
        with pytest.raises(WrongArea, match=REFUSAL), transaction(Actor.worker("test")) as session:
            session.execute(text("SELECT 1"))
        db.engine.dispose()
