"""PostgreSQL and Valkey of our own for the whole run, a migrated database in it, and quick copies of that."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from config import Settings, load_settings
from tests.plumbing.server_folders import servers_home
from victim_gateway import devservers
from victim_gateway.database import upgrade
from victim_gateway.devservers.locks import open_lock

TEMPLATE = "gateway"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def servers(testrun_uid: str, worker_id: str) -> Iterator[Settings]:
    """Settings with running servers, whose database is the template: migrated, and never connected to.

    The processes of one run (`-n`) share the servers, which end with the last of them; each has a
    numbered database of the broker's of its own, for what one publishes is no task of the other's worker.
    """
    home = servers_home(testrun_uid)
    settings = load_settings({"GATEWAY_ENV": "test", "GATEWAY_HOME": str(home)})
    with devservers.embedded_servers(settings) as filled:
        with open_lock(home / "template.lock") as lock:
            lock.wait_exclusive(120)
            if not upgrade.is_schema_current(filled):
                upgrade.upgrade_database(filled)
        number = int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 0
        yield replace(filled, redis_url=f"{str(filled.redis_url).rpartition('/')[0]}/{number}")
    if not (home / "run" / "servers.json").exists():
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def settings(servers: Settings, worker_id: str) -> Iterator[Settings]:
    """Settings of one database that every rolled-back test of this process uses."""
    with copied_database(servers, f"shared_{worker_id}") as copy:
        yield copy


@pytest.fixture
def committed_settings(servers: Settings, worker_id: str) -> Iterator[Settings]:
    """Settings of a fresh, migrated database for this test alone, where commits are real."""
    with copied_database(servers, f"test_{worker_id}_{next(_numbers)}") as copy:
        yield copy


@contextmanager
def copied_database(servers: Settings, name: str, *, template: str = TEMPLATE) -> Iterator[Settings]:
    """Settings of a copy of the template, or of `template0`, which is empty; dropped after the block."""
    command = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    with administrator(servers) as connection:
        connection.execute(command.format(sql.Identifier(name), sql.Identifier(template)))
    rename = _renamer(name)
    try:
        yield replace(
            servers,
            database_url=rename(servers.database_url),
            database_owner_url=rename(servers.database_owner_url),
        )
    finally:
        with administrator(servers) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def administrator(servers: Settings) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A superuser's connection outside every database under test."""
    url = _renamer("postgres")(servers.database_owner_url).replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def _renamer(name: str) -> Callable[[str | None], str]:
    return lambda url: f"{str(url).rpartition('/')[0]}/{name}"
