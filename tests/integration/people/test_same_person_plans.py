"""How the look-ups of a person's records are read: by index, whatever the size of the tables."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql

from tests.factories import casework
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.models import Referral
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.vocabulary import Role


def test_the_referrals_of_all_records_of_a_person_are_found_by_an_index(
    app: Flask, make_actor: MakeActor, owner: Owner
) -> None:
    referral_id = casework.recorded(make_actor(Role.CASEWORKER))
    with owner() as session:
        person_id = session.get_one(Referral, referral_id).person_id
        statement = select(Referral.id).where(is_record_of(Referral.person_id, person_id))
        literal = statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
        # As at any size: a small table would be read whole because that is cheaper.
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(session.scalars(text(f"EXPLAIN {literal}")))
    assert "ix_referral_person_id" in plan
    assert "Seq Scan on referral" not in plan
