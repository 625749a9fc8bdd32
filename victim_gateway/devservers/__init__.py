"""Embedded PostgreSQL and Valkey under GATEWAY_HOME, for when DATABASE_URL or REDIS_URL is not set.

`with embedded_servers(settings) as settings:` gives the settings with every URL filled in. Several commands and
`gateway up` share one pair of servers; they stop when the last user has ended, even by a kill.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from config import Settings
from victim_gateway.devservers.home import EmbeddedServerError
from victim_gateway.devservers.postgres import postgres_program
from victim_gateway.devservers.sharing import SharedServers

__all__ = [
    "EmbeddedServerError",
    "SharedServers",
    "start_embedded_servers",
    "postgres_program",
    "embedded_servers",
]


@contextmanager
def embedded_servers(settings: Settings) -> Iterator[Settings]:
    """The settings with `database_url`, `database_owner_url` and `redis_url` filled in for the block.

    Starts what is missing and not yet running; raises EmbeddedServerError when that fails.
    """
    with SharedServers(settings) as servers:
        yield servers.settings


def start_embedded_servers(settings: Settings) -> Settings:
    """Like `embedded_servers`, until the process ends: for a web server or a worker that is started by hand."""
    stack, owner = ExitStack(), os.getpid()

    def close() -> None:
        # A process that was forked from this one ends earlier, and these are not its own.
        if os.getpid() == owner:
            stack.close()

    atexit.register(close)
    return stack.enter_context(embedded_servers(settings))
