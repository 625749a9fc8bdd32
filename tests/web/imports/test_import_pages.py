"""The import pages: who may, what a wrong file is told, what stays when it is sent twice."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from tests.factories.feeds import feed_file, feed_row
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import address_beside, text_of
from tests.plumbing.sign_in import form_token, sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import AuditEntry, ImportBatch, ImportRow, WebSession
from victim_gateway.services.imports import uploads
from victim_gateway.vocabulary import Role, RowOutcome


@pytest.fixture
def senior_client(client: FlaskClient, owner: Owner, make_actor: MakeActor) -> FlaskClient:
    sign_in(client, owner, make_actor(Role.SENIOR))
    return client


def send(client: FlaskClient, content: bytes, **more: Any) -> TestResponse:
    data = {
        "csrf_token": form_token(client, "/imports/new"),
        "kind": "police_feed",
        "file": (io.BytesIO(content), "october.csv"),
        **more,
    }
    return client.post("/imports/new", data=data, content_type="multipart/form-data")


def test_a_file_sent_is_read_by_a_worker_and_its_page_says_what_became_of_it(
    senior_client: FlaskClient, owner: Owner
) -> None:
    content = feed_file(feed_row(), feed_row(reported_at="soon")).getvalue()
    answer = send(senior_client, content)
    assert answer.status_code == 302
    where = answer.headers["Location"]
    assert "0% of the file has been read" in senior_client.get(where).text

    with owner() as session:
        batch_id = session.scalars(select(ImportBatch.id)).one()
    uploads.run_uploaded_batch(batch_id, actor=Actor.worker("tests"), at=times.now())

    page = senior_client.get(where).text
    assert "Columns not known" in page
    assert "Row 3" in page
    assert "reported_at" in page
    assert "soon" not in page
    listed = senior_client.get("/imports/").text
    assert "october.csv" not in listed
    assert "Import " in listed


def test_the_rows_set_aside_are_a_post_and_audited(senior_client: FlaskClient, owner: Owner) -> None:
    send(senior_client, feed_file(feed_row(reported_at="soon", family_name="Findme")).getvalue())
    with owner() as session:
        batch_id = session.scalars(select(ImportBatch.id)).one()
    uploads.run_uploaded_batch(batch_id, actor=Actor.worker("tests"), at=times.now())
    assert senior_client.get(f"/imports/{batch_id}/set-aside").status_code == 405

    answer = senior_client.post(
        f"/imports/{batch_id}/set-aside",
        data={"csrf_token": form_token(senior_client, f"/imports/{batch_id}")},
    )

    assert "Findme" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    with owner() as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.subject_id == batch_id)).all()
    assert "import.rejected_rows_exported" in actions


def test_rows_to_look_at_have_pages_those_set_aside_first(senior_client: FlaskClient, owner: Owner) -> None:
    send(senior_client, feed_file(*[feed_row() for _ in range(3)]).getvalue())
    with owner() as session:
        batch_id = session.scalars(select(ImportBatch.id)).one()
    uploads.run_uploaded_batch(batch_id, actor=Actor.worker("tests"), at=times.now())
    with owner() as session:
        session.add_all(
            ImportRow(
                batch_id=batch_id,
                row_number=100 + number,
                content_hash=b"x",
                outcome=RowOutcome.IMPORTED if number % 2 else RowOutcome.SET_ASIDE,
                reasons=[{"column": "offence", "code": "x", "words": "Look at it"}],
            )
            for number in range(120)
        )
    senior_client.get(f"/imports/{batch_id}")
    pages = [senior_client.get(f"/imports/{batch_id}")]
    pages += [senior_client.get(address_beside(pages[0], "next"))]
    pages += [senior_client.get(address_beside(pages[1], "next"))]
    rows = [int(number) for page in pages for number in re.findall(r">Row (\d+)<", page.text)]
    assert rows == [*range(100, 220, 2), *range(101, 220, 2)]
    assert "Showing 101 to 120 of 120 rows" in text_of(pages[2])
    assert text_of(senior_client.get(address_beside(pages[2], "prev"))) == text_of(pages[1])
    assert text_of(senior_client.get(f"/imports/{batch_id}?after=nothing")) == text_of(pages[0])
    for beside in (address_beside(pages[1], "prev"), f"/imports/{batch_id}?after=1.9999999"):
        assert text_of(senior_client.get(beside, follow_redirects=True)) == text_of(pages[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"%PDF-1.7 and so on", "PDF"),
        (b"offence;reported_at;feed_reference\nx;y;z\n", "semicolons"),
        (b"offence,reported_at\nBurglary,2026-01-01\n", "feed_reference"),
    ],
)
def test_a_wrong_file_is_answered_at_once_and_its_page_says_why_it_was_refused(
    senior_client: FlaskClient, owner: Owner, content: bytes, message: str
) -> None:
    answer = send(senior_client, content)
    assert answer.status_code == 302
    where = answer.headers["Location"]
    assert "being read" in senior_client.get(where).text

    with owner() as session:
        batch_id = session.scalars(select(ImportBatch.id)).one()
    uploads.run_uploaded_batch(batch_id, actor=Actor.worker("tests"), at=times.now())

    for page in (senior_client.get(where).text, senior_client.get(f"{where}/progress").text):
        assert message in page
        assert "Nothing in this file was used" in page
    assert "Refused" in senior_client.get("/imports/").text


def test_no_file_and_no_kind_are_named_in_the_error_summary(senior_client: FlaskClient) -> None:
    token = form_token(senior_client, "/imports/new")
    answer = senior_client.post("/imports/new", data={"csrf_token": token})
    assert answer.status_code == 422
    assert "Choose what is in the file" in answer.text
    assert "Choose a file" in answer.text


def test_the_same_form_twice_keeps_one_file(senior_client: FlaskClient, owner: Owner) -> None:
    content, submission_id = feed_file(feed_row()).getvalue(), str(uuid4())
    send(senior_client, content, submission_id=submission_id)
    answer = send(senior_client, content, submission_id=submission_id)
    assert answer.status_code == 302
    with owner() as session:
        assert len(session.scalars(select(ImportBatch.id)).all()) == 1


@pytest.mark.parametrize("role", [Role.CASEWORKER, Role.MANAGER, Role.ADMIN, Role.AUDITOR, Role.PROVIDER])
def test_only_seniors_import(client: FlaskClient, owner: Owner, make_actor: MakeActor, role: Role) -> None:
    sign_in(client, owner, make_actor(role))
    assert client.get("/imports/").status_code == 403
    assert client.get("/imports/new").status_code == 403


def test_an_import_that_does_not_exist_is_not_found(senior_client: FlaskClient) -> None:
    assert senior_client.get(f"/imports/{uuid4()}").status_code == 404


def test_a_large_body_is_only_read_from_those_who_may_send_a_file(
    client: FlaskClient, owner: Owner, make_actor: MakeActor
) -> None:
    """The check against forged forms reads the body, before anybody is asked who they are."""
    assert _send_raw(client, b"x" * (2 << 20)).status_code == 413

    sign_in(client, owner, make_actor(Role.SENIOR))
    assert _send_raw(client, b"x" * (2 << 20)).status_code == 302


def _send_raw(client: FlaskClient, content: bytes) -> TestResponse:
    """As a browser sends it; the test client would put a large file on the disk first."""
    page = client.get("/imports/new")
    token = form_token(client, "/imports/new") if page.status_code == 200 else "none"
    parts = [
        b'Content-Disposition: form-data; name="%s"\r\n\r\n%s' % (name, value)
        for name, value in (
            (b"csrf_token", token.encode()),
            (b"kind", b"police_feed"),
            (b'file"; filename="october.csv', content),
        )
    ]
    body = b"".join(b"--end\r\n" + part + b"\r\n" for part in parts) + b"--end--\r\n"
    return client.post("/imports/new", data=body, content_type="multipart/form-data; boundary=end")


def test_a_page_that_asks_for_progress_by_itself_keeps_no_session_alive(
    senior_client: FlaskClient, owner: Owner
) -> None:
    where = send(senior_client, feed_file(feed_row()).getvalue()).headers["Location"]
    earlier = times.now() - timedelta(minutes=5)
    with owner() as session:
        session.execute(update(WebSession).values(last_seen_at=earlier))

    assert senior_client.get(f"{where}/progress").status_code == 200
    with owner() as session:
        assert session.scalars(select(WebSession.last_seen_at)).one() == earlier

    senior_client.get(where)
    with owner() as session:
        assert session.scalars(select(WebSession.last_seen_at)).one() > earlier
