"""A page whose audit entry can't be written shows nothing and saves nothing, and says to try again."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from tests.factories import casework as make
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import send
from tests.plumbing.sign_in import sign_in
from victim_gateway.models import Note
from victim_gateway.vocabulary import Role

REASONS = {
    "a right that is missing": "REVOKE INSERT ON audit_entry FROM gateway_caseworker",
    "a column that is full": "ALTER TABLE audit_entry ADD CONSTRAINT full_up CHECK (sequence < 0) NOT VALID",
    "a lost function": "DROP FUNCTION claim_audit_lane()",
}


@pytest.mark.parametrize("reason", REASONS)
def test_a_page_whose_audit_cannot_be_written_is_503_and_may_be_tried_again(
    committed_client: FlaskClient, committed_owner: Owner, committed_make_actor: MakeActor, reason: str
) -> None:
    caseworker = committed_make_actor(Role.CASEWORKER)
    referral_id = make.assigned(caseworker)
    address = f"/referrals/{referral_id}/notes"
    sign_in(committed_client, committed_owner, caseworker)
    name = "Testcase"
    assert name in committed_client.get(address).text
    with committed_owner() as session:
        session.execute(text(REASONS[reason]))

    answer = committed_client.get(address)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "Try again in a few minutes." in answer.text
    assert name not in answer.text


def test_what_is_sent_to_such_a_page_is_not_saved(
    committed_client: FlaskClient, committed_owner: Owner, committed_make_actor: MakeActor
) -> None:
    caseworker = committed_make_actor(Role.CASEWORKER)
    referral_id = make.assigned(caseworker)
    sign_in(committed_client, committed_owner, caseworker)
    lasting = """CREATE FUNCTION refuse_notes() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.action LIKE 'note.%' THEN
                RAISE EXCEPTION 'full' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        END $$"""
    with committed_owner() as session:
        session.execute(text(lasting))
        trigger = "CREATE TRIGGER refuse_notes BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION"
        session.execute(text(f"{trigger} refuse_notes()"))

    answers = {"subject": "Locks", "body": "New locks fitted", "share_with": ""}
    answer = send(committed_client, f"/referrals/{referral_id}/notes", answers)

    assert answer.status_code == 503
    with committed_owner() as session:
        assert session.scalar(select(func.count()).select_from(Note)) == 0
