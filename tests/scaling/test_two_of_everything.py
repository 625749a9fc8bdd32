"""Two webs, two workers, two schedulers, a replica, PgBouncer and RabbitMQ: by configuration alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import kombu
import psycopg
import pytest

from config.celery import QUEUES
from tests.factories.feeds import feed_file, feed_row
from tests.plumbing.own_cluster import has_pgbouncer, has_rabbitmq
from tests.plumbing.programs import gateway, wait_until
from tests.scaling.deployment import Deployment, HttpBrowser, deployment, form_token
from victim_gateway import times
from victim_gateway.vocabulary import Role, TaskName

ROWS = 40
FINISHED = "SELECT count(*) FROM import_batch WHERE state = 'finished'"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Deployment]:
    """With PgBouncer and RabbitMQ where this machine has them."""
    with deployment(tmp_path, pgbouncer=has_pgbouncer(), rabbitmq=has_rabbitmq()) as started:
        yield started


def asked(made: Deployment, statement: str) -> object:
    with psycopg.connect(made.primary.url("postgres", "gateway")) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def upload(browser: HttpBrowser, web: int, name: str) -> None:
    yesterday = (times.london_date(times.now()) - timedelta(days=1)).isoformat()
    rows = [
        feed_row(reported_at=f"{yesterday}T09:00:00", transferred_at="", family_name=name)
        for _ in range(ROWS)
    ]
    form = form_token(browser.open(web, "/imports/new")[1])
    status, page = browser.open(
        web,
        "/imports/new",
        csrf_token=form,
        kind="police_feed",
        file=feed_file(*rows).getvalue(),
    )
    assert status == 200, page[:2000]


def started_leaders(made: Deployment) -> list[str]:
    return [
        name
        for name in made.programs
        if name.startswith("scheduler")
        and "scheduler.started" in made.log_of(name).read_text(errors="replace")
    ]


def test_what_one_web_saved_the_other_shows_and_either_worker_does_until_one_of_each_is_left(
    made: Deployment,
) -> None:
    browser = made.sign_in(Role.SENIOR)
    upload(browser, 0, "Ashdown")
    wait_until(lambda: asked(made, FINISHED) == 1, 60, made.log_of("worker 0"))
    referral_id = asked(made, "SELECT min(id::text) FROM referral")
    for web in (0, 1):
        status, page = browser.open(web, f"/referrals/{referral_id}")
        assert (status, "Ashdown" in page) == (200, True)

    wait_until(lambda: len(started_leaders(made)) == 1, 30)
    made.kill(started_leaders(made)[0])
    made.kill("web 0")
    made.kill("worker 0")
    wait_until(lambda: len(started_leaders(made)) == 1, 30)

    if "BROKER_URL" in made.environment:
        _publish_rubbish(made.environment["BROKER_URL"])
    upload(browser, 1, "Birchall")
    wait_until(lambda: asked(made, FINISHED) == 2, 90, made.log_of("worker 1"))
    assert asked(made, "SELECT count(*) FROM referral") == 2 * ROWS

    _figures_come_from_the_replica(made)
    verified = gateway("audit", "verify", environment=made.environment)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    doctor = gateway("doctor", environment=made.environment)
    assert "replica" in doctor.stdout


def _publish_rubbish(broker_url: str) -> None:
    """What would end the main process of Celery's own worker, in every queue, before the next good task."""
    named = {"task": TaskName.HEARTBEAT.value, "id": ["no", "id"]}
    plain = {"content_type": "application/json", "content_encoding": "utf-8"}
    with kombu.Connection(broker_url) as connection, connection.channel() as channel:
        producer = kombu.Producer(channel)
        for queue in QUEUES:
            for body, headers in ((b"not json", {}), (b"[[], {}, {}]", named), (b"[1, 2]", {"task": "none"})):
                producer.publish(body, routing_key=queue, serializer=None, headers=headers, **plain)


def _figures_come_from_the_replica(made: Deployment) -> None:
    status, page = made.sign_in(Role.MANAGER).open(1, "/compliance")
    assert (status, "replica.away" in made.log_of("web 1").read_text()) == (200, False)
    with psycopg.connect(made.replica.url("postgres", "gateway")) as connection:
        asked = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'gateway_app' AND datname = 'gateway'"
        ).fetchone()
    assert asked is not None and asked[0] >= 1
    assert page
