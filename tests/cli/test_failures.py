"""What goes wrong around the commands is one line; a defect in them keeps its traceback."""

from __future__ import annotations

import pytest
from psycopg.errors import InsufficientPrivilege, UndefinedColumn
from sqlalchemy.exc import ProgrammingError

from victim_gateway.cli import _known_failure


def test_an_account_that_may_not_make_roles_is_told_what_it_needs() -> None:
    refused = ProgrammingError("CREATE ROLE", {}, InsufficientPrivilege("permission denied to create role"))
    message = _known_failure(refused)
    assert message is not None
    assert "DATABASE_OWNER_URL" in message and "CREATEROLE" in message


def test_a_missing_right_is_named_with_the_setting_to_change() -> None:
    denied = ProgrammingError("SELECT", {}, InsufficientPrivilege("permission denied for table person"))
    message = _known_failure(denied)
    assert message is not None
    assert "permission denied for table person" in message and "DATABASE_OWNER_URL" in message


@pytest.mark.parametrize(
    "defect",
    [
        InsufficientPrivilege('new row violates row-level security policy for table "person"'),
        InsufficientPrivilege("audit_entry is append-only"),
        UndefinedColumn('column "surname" does not exist'),
    ],
)
def test_what_our_own_guards_refuse_is_a_defect_and_keeps_its_traceback(defect: Exception) -> None:
    assert _known_failure(ProgrammingError("INSERT", {}, defect)) is None
