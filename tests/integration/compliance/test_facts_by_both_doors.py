"""A referral opens the same rights whether the police sent it or a caseworker typed it."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import select

from tests.factories import casework
from tests.factories.feeds import feed_row
from tests.factories.imports import IMPORTED_AT, IMPORTER, import_rows, imported_referral
from victim_gateway.actors import Actor
from victim_gateway.compliance.victim_categories import BASIS_OF_VICTIM_TYPE, ENHANCING_FLAGS
from victim_gateway.database.transaction import transaction
from victim_gateway.models import CaseFacts
from victim_gateway.schemas.referral_rows import COLUMN_READERS

CASES = [
    *(("person", (flag,), "") for flag in ENHANCING_FLAGS),
    *((victim_type, (), "") for victim_type in BASIS_OF_VICTIM_TYPE),
    ("person", (), "race"),
    ("bereaved_relative", ENHANCING_FLAGS, "disability"),
]


def rights(referral_id: UUID) -> tuple[str, list[str]]:
    with transaction(IMPORTER) as session:
        facts = session.scalars(select(CaseFacts).where(CaseFacts.referral_id == referral_id)).one()
    return facts.victim_basis, [period["category"] for period in facts.enhanced]


@pytest.mark.parametrize(("victim_type", "flags", "strand"), CASES)
def test_the_feed_and_the_form_open_the_same_rights(
    caseworker: Actor, victim_type: str, flags: tuple[str, ...], strand: str
) -> None:
    row = feed_row(victim_type=victim_type, hate_strand=strand, **dict.fromkeys(flags, "yes"))
    import_rows(row)
    by_hand = casework.recorded(
        caseworker,
        at=IMPORTED_AT,
        victim_type=victim_type,
        hate_strand=strand or None,
        flags=frozenset(flags),
    )

    assert rights(imported_referral(row).id) == rights(by_hand)


def test_every_type_and_flag_of_the_feed_is_known_to_the_rule() -> None:
    assert set(ENHANCING_FLAGS) <= set(COLUMN_READERS)
    for victim_type in BASIS_OF_VICTIM_TYPE:
        assert COLUMN_READERS["victim_type"](victim_type) == victim_type
