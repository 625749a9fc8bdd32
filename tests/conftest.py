"""Makes the plumbing known to every test and keeps the environment of whoever runs them out."""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import HealthCheck, settings

from tests.plumbing.server_folders import choose_servers_folder

pytest_plugins = [
    "tests.plumbing.servers",
    "tests.plumbing.apps",
    "tests.plumbing.accounts",
    "tests.plumbing.programs",
    "tests.plumbing.browser",
    "tests.plumbing.notify",
    "tests.plumbing.smtp",
    "tests.plumbing.sign_in",
]

# What is read and collected stays until the end: looking for cycles in it finds none and takes a tenth of the time.
gc.disable()

_OURS = ("DATABASE_", "GATEWAY_", "NOTIFY_", "REDIS_", "SMTP_")


def pytest_configure() -> None:
    for name in [name for name in os.environ if name.startswith(_OURS) or name in {"PORT", "SECRET_KEY"}]:
        del os.environ[name]
    os.environ["GATEWAY_ENV"] = "test"
    choose_servers_folder()
    # How long an example takes says how busy the machine is, nothing of the program.
    settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("untimed")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if "unit" in item.path.parts and "servers" in getattr(item, "fixturenames", ()):
        pytest.fail("tests/unit starts no server: this test belongs in tests/integration", pytrace=False)


# Files of few but long tests: begun first, so that no worker is left alone with one of them at the end.
_LONG_FILES = (
    "tests/workers/",
    "tests/scaling/",
    "tests/browser/",
    "tests/cli/",
    "tests/integration/demo/",
    "tests/migrations/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; the order within a file stays."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG_FILES))


def pytest_collection_finish() -> None:
    """From here on only what the tests themselves make is looked at, and seldom: they leave few cycles behind."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()
