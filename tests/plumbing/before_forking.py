"""What every program of ours does first, done once in the process that they are forked from.

No file of tasks is read: a scheduler that knows none is one of the cases under test. No connection is made.
"""

from __future__ import annotations

import importlib

from sqlalchemy.orm import configure_mappers

_READ = (
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "celery.worker.consumer",
    "flask_sqlalchemy.cli",
    "govuk_frontend_jinja",
    "kombu.transport.redis",
    "tests.plumbing.forked_programs",
    "victim_gateway.blueprints",
    "victim_gateway.cli.audit",
    "victim_gateway.cli.compliance",
    "victim_gateway.cli.db",
    "victim_gateway.cli.demo",
    "victim_gateway.cli.doctor",
    "victim_gateway.cli.import_",
    "victim_gateway.cli.providers",
    "victim_gateway.cli.reminders",
    "victim_gateway.cli.users",
    "victim_gateway.database.app_setup",
    "workers.beat",
)

for name in _READ:
    importlib.import_module(name)
configure_mappers()
