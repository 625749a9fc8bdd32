"""What killed runs of the tests left in memory is removed, and nothing that is in use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.plumbing.server_folders import remove_left_over_homes
from victim_gateway.devservers.home import Home
from victim_gateway.devservers.locks import open_lock

LONG_AGO = 1_000_000_000


def old_home(folder: Path, name: str = "victim-gateway-tests-1") -> Home:
    """The home of servers that were started long ago."""
    home = Home(folder / name)
    home.create_folders()
    home.in_use_lock.touch()
    os.utime(home.path, (LONG_AGO, LONG_AGO))
    return home


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    home = old_home(tmp_path)
    remove_left_over_homes(tmp_path)
    assert not home.path.exists()


def test_the_home_of_a_run_that_goes_on_stays_however_old_it_is(tmp_path: Path) -> None:
    home = old_home(tmp_path)
    with open_lock(home.in_use_lock) as lock:
        assert lock.try_shared()
        remove_left_over_homes(tmp_path)
    assert home.path.exists()


def test_a_home_that_was_made_just_now_stays(tmp_path: Path) -> None:
    home = old_home(tmp_path)
    os.utime(home.path)
    remove_left_over_homes(tmp_path)
    assert home.path.exists()


@pytest.mark.parametrize("name", ["victim-gateway", "PostgreSQL.1", "another-tests-1"])
def test_what_is_not_of_the_tests_stays(tmp_path: Path, name: str) -> None:
    home = old_home(tmp_path, name)
    remove_left_over_homes(tmp_path)
    assert home.path.exists()
