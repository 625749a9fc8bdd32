"""The matrix of roles and permissions, and where signing in may lead."""

from __future__ import annotations

import pytest

from victim_gateway.access.permissions import MATRIX, Permission, is_permitted
from victim_gateway.vocabulary import Role
from victim_gateway.web.permissions import safe_next


def test_every_role_is_in_the_matrix_and_every_permission_is_somebodys() -> None:
    assert set(MATRIX) == set(Role)
    assert set().union(*MATRIX.values()) == set(Permission)


def test_nobody_outside_casework_opens_a_case() -> None:
    openers = {role for role in Role if is_permitted(role, Permission.VIEW_REFERRAL)}
    assert openers == {Role.CASEWORKER, Role.SENIOR}


def test_no_role_may_do_nothing() -> None:
    assert not any(is_permitted(None, permission) for permission in Permission)


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "https://bad.example/",
        "//bad.example/",
        "/\\bad.example/",
        "\\\\bad.example",
        "javascript:alert(1)",
        "/\t/bad.example",
        "/ok\r\nSet-Cookie: a=b",
        "ok",
    ],
)
def test_signing_in_never_leads_to_another_host(target: str | None) -> None:
    assert safe_next(target, "/home") == "/home"


def test_signing_in_leads_back_to_the_page_that_was_asked_for() -> None:
    assert safe_next("/referrals/1?tab=rights", "/home") == "/referrals/1?tab=rights"
