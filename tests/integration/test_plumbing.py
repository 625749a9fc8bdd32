"""The plumbing keeps tests apart."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.models import User
from victim_gateway.transactions import transaction
from victim_gateway.vocabulary import DatabaseRole, Role


@pytest.mark.parametrize("time", ["first", "second"])
def test_what_a_test_commits_is_gone_for_the_next(owner: Owner, make_actor: MakeActor, time: str) -> None:
    actor = make_actor(Role.ADMIN)
    with transaction(actor) as session:
        session.execute(text("SELECT 1"))
    with owner() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 1


@pytest.mark.parametrize("time", ["first", "second"])
def test_each_committed_test_has_a_database_of_its_own(
    committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor, time: str
) -> None:
    committed_make_actor(Role.ADMIN)
    with committed_owner() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 1


def test_a_transaction_takes_the_role_of_its_actor(app: Flask, caseworker: Actor) -> None:
    with transaction(caseworker) as session:
        assert session.scalar(text("SELECT current_user")) == DatabaseRole.CASEWORKER


def test_a_transaction_that_fails_leaves_nothing(app: Flask, owner: Owner, worker_actor: Actor) -> None:
    with pytest.raises(ZeroDivisionError), transaction(worker_actor) as session:
        session.execute(text("INSERT INTO outbox (task, arguments, created_at) VALUES ('x', '{}', now())"))
        raise ZeroDivisionError
    with owner() as session:
        assert session.scalar(text("SELECT count(*) FROM outbox")) == 0
