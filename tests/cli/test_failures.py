"""What goes wrong around the commands is one line; a defect in them keeps its traceback."""

from __future__ import annotations

from psycopg.errors import InsufficientPrivilege
from sqlalchemy.exc import ProgrammingError

from victim_gateway.cli import _known_failure


def test_an_account_that_may_not_make_roles_is_told_what_it_needs() -> None:
    refused = ProgrammingError("CREATE ROLE", {}, InsufficientPrivilege("permission denied to create role"))
    words = _known_failure(refused)
    assert words is not None
    assert "DATABASE_OWNER_URL" in words and "CREATEROLE" in words


def test_a_missing_grant_is_a_defect_and_keeps_its_traceback() -> None:
    denied = ProgrammingError("SELECT", {}, InsufficientPrivilege("permission denied for table person"))
    assert _known_failure(denied) is None
