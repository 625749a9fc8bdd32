"""The shared page plumbing on a small app of its own: no database, a handful of routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from flask import Blueprint, Flask, redirect, render_template_string, request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin
from flask_wtf.csrf import CSRFProtect
from jinja2 import ChoiceLoader, DictLoader, UndefinedError
from sqlalchemy.exc import OperationalError
from wtforms import RadioField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway.access.permissions import Permission
from victim_gateway.errors import AlreadyDone, InvalidInput, NotFound, StaleVersion, TransitionNotAllowed
from victim_gateway.vocabulary import AttemptOutcome, Role
from victim_gateway.web import flashes, register_web
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm, render_form, save_or_refuse
from victim_gateway.web.labels import choices_of
from victim_gateway.web.list_pages import Paging, QueryForm
from victim_gateway.web.permissions import UnmarkedRoute, permission_of, public, requires

PAGE = """{% extends "layouts/page.html" %}
{% from "macros/forms.html" import form_tag, text_field, textarea, radios, date_field, submit %}
{% block page_title %}Log an attempt – SG-26-004217{% endblock %}
{% block content %}<h1>Log an attempt</h1>
{% if form.is_stale %}<p>What is saved now: No answer</p>{% endif %}
{% call form_tag(form) %}{{ text_field(form.who) }}{{ date_field(form.on) }}{{ radios(form.outcome) }}
{{ textarea(form.notes, limit=4000) }}{{ submit() }}{% endcall %}{% endblock %}"""

REFUSALS = {
    "taken": InvalidInput("Check the name", fields={"who": "Enter a name that is not in use"}),
    "stale": StaleVersion("Sam saved this referral at 2:30pm."),
    "state": TransitionNotAllowed("This referral is closed. Reopen it first."),
    "twice": AlreadyDone("done"),
    "hidden": NotFound(),
}


class AttemptForm(BaseForm):
    who = StringField("Who answered?", [DataRequired("Enter who answered"), Length(max=40)])
    on = GovDateField("When?", required="Enter the date")
    outcome = RadioField("What happened?", choices=choices_of(AttemptOutcome))
    notes = TextAreaField("Notes")


class FilterForm(QueryForm):
    outcome = RadioField("Outcome", choices=choices_of(AttemptOutcome))
    text = StringField("Words")


class Visitor(UserMixin):  # type: ignore[misc]
    """What flask-login loads: the role comes from a header of the test's own."""

    def __init__(self, role: Role) -> None:
        self.id = "1"
        self.role = role
        self.actor = SimpleNamespace(name="Asha Begum")
        self.organisation_name = "Gateway team"
        self.organisations = 0
        self.is_contact = False


seen: list[dict[str, Any]] = []
work = Blueprint("work_queue", __name__)


@work.get("/work")
@requires(Permission.VIEW_WORK)
def home() -> str:
    return render_template_string("{% extends 'layouts/page.html' %}{% block page_title %}Work{% endblock %}")


@work.route("/attempt", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def attempt() -> ResponseReturnValue:
    form = AttemptForm()
    if form.validate_on_submit():
        with save_or_refuse(form, then="/work"):
            seen.append(
                {"id": form.submission_id.data, "version": form.version.data, "notes": form.notes.data}
            )
            if form.who.data in REFUSALS:
                raise REFUSALS[form.who.data]
            flashes.flash_success("Attempt saved", link=("Make a triage assessment", "/assess"))
            return redirect("/work")
    return render_form("test_attempt.html", form, version=7)


@work.post("/raw/<name>")
@requires(Permission.EDIT_CASEWORK)
def raw(name: str) -> ResponseReturnValue:
    raise REFUSALS[name]


@work.get("/audit")
@requires(Permission.READ_AUDIT)
def audit() -> str:
    return "audit"


@work.get("/refer")
@public
def refer() -> str:
    return render_template_string(
        "{% extends 'layouts/public.html' %}{% block page_title %}Get help{% endblock %}"
    )


@work.get("/boom")
@public
def boom() -> str:
    raise RuntimeError("a defect")


@work.get("/busy")
@public
def busy() -> str:
    raise OperationalError("UPDATE person SET name = :name", {"name": "Wilma Ashdown"}, Exception("locked"))


@work.get("/typo")
@public
def typo() -> str:
    return render_template_string("{{ refferal }}")


@work.get("/unmarked")
def unmarked() -> str:
    return "nobody said who may see this"


@work.get("/list")
@public
def listing() -> dict[str, Any]:
    form = FilterForm()
    return {
        "outcome": form.outcome.data,
        "chips": [[chip.label, chip.text, chip.url] for chip in form.filter_chips()],
    }


@pytest.fixture(scope="module")
def small_app() -> Flask:
    app = Flask("victim_gateway")
    app.config.update(SECRET_KEY="a key for tests only", AREA_NAME="Staffordshire", MAX_CONTENT_LENGTH=50_000)
    login = LoginManager(app)
    CSRFProtect(app)

    @login.request_loader
    def load(_request: Any) -> Visitor | None:
        role = request.headers.get("X-Role")
        return Visitor(Role(role)) if role else None

    register_web(app, production=True)
    assert isinstance(app.jinja_loader, ChoiceLoader)
    app.jinja_loader = ChoiceLoader([*app.jinja_loader.loaders, DictLoader({"test_attempt.html": PAGE})])
    app.register_blueprint(work)
    return app


@pytest.fixture
def client(small_app: Flask) -> Iterator[FlaskClient]:
    yield small_app.test_client()
    seen.clear()


CASEWORKER = {"X-Role": "caseworker"}
TYPED = {
    "who": "A neighbour",
    "on-day": "6",
    "on-month": "3",
    "on-year": "2026",
    "outcome": "no_answer",
    "notes": " Rang\r\ntwice\x00 ",
}


def _hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.split("<main", 1)[1]))


def _opened(client: FlaskClient) -> dict[str, str]:
    return _hidden(client.get("/attempt", headers=CASEWORKER).text)


def _send(client: FlaskClient, **typed: str) -> Any:
    return client.post("/attempt", data={**TYPED, **_opened(client), **typed}, headers=CASEWORKER)


def _title(page: str) -> str:
    match = re.search("<title>(.*?)</title>", page)
    assert match
    return match[1]


# who may open what


def test_a_stranger_is_sent_to_sign_in_and_back_afterwards(client: FlaskClient) -> None:
    answer = client.get("/attempt?x=1")
    assert answer.status_code == 302
    assert answer.location == "/sign-in?next=%2Fattempt%3Fx%3D1"


def test_a_role_without_the_permission_is_refused_in_words(client: FlaskClient) -> None:
    answer = client.get("/audit", headers=CASEWORKER)
    assert answer.status_code == 403
    assert "You cannot use this page" in answer.text
    assert client.get("/audit", headers={"X-Role": "auditor"}).text == "audit"


def test_a_route_that_names_no_permission_answers_nothing_to_anybody(
    small_app: Flask, client: FlaskClient
) -> None:
    answer = client.get("/unmarked", headers=CASEWORKER)
    assert answer.status_code == 500
    assert "nobody said" not in answer.text
    with pytest.raises(UnmarkedRoute):
        permission_of(small_app, "work_queue.unmarked")


def test_the_navigation_shows_only_areas_that_exist_and_are_ones_own(client: FlaskClient) -> None:
    own = client.get("/work", headers=CASEWORKER).text
    assert 'href="/work"' in own
    assert 'aria-current="page"' in own
    assert "Asha Begum, Gateway team" in own
    assert "Import" not in own
    assert 'action="/sign-out"' in own
    assert 'href="/work"' not in client.get("/nowhere", headers={"X-Role": "auditor"}).text


# headers


@pytest.mark.parametrize("path", ["/work", "/nowhere", "/boom", "/audit", "/attempt"])
def test_every_answer_is_private_and_locked_down(client: FlaskClient, path: str) -> None:
    headers = client.get(path, headers=CASEWORKER).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    policy = headers["Content-Security-Policy"]
    for rule in ("default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert rule in policy


def test_the_pages_own_script_carries_the_nonce_and_every_page_has_a_new_one(client: FlaskClient) -> None:
    first, second = (client.get("/work", headers=CASEWORKER) for _ in range(2))
    nonce = re.search(r'<script nonce="([^"]+)"', first.text)
    assert nonce
    assert f"'nonce-{nonce[1]}'" in first.headers["Content-Security-Policy"]
    assert nonce[1] not in second.headers["Content-Security-Policy"]


def test_no_page_uses_an_inline_style(client: FlaskClient) -> None:
    for path in ("/work", "/attempt", "/refer", "/nowhere"):
        assert " style=" not in client.get(path, headers=CASEWORKER).text


# forms


def test_a_good_form_is_saved_and_says_so_with_the_next_step(client: FlaskClient) -> None:
    answer = _send(client)
    assert answer.status_code == 302
    assert seen[0]["version"] == 7
    assert isinstance(seen[0]["id"], UUID)
    assert seen[0]["notes"] == "Rang\ntwice"
    after = client.get("/work", headers=CASEWORKER).text
    assert "govuk-notification-banner--success" in after
    assert "Attempt saved" in after
    assert 'href="/assess"' in after
    assert "Attempt saved" not in client.get("/work", headers=CASEWORKER).text


def test_errors_come_back_as_422_with_a_summary_that_links_to_the_fields(client: FlaskClient) -> None:
    answer = client.post(
        "/attempt",
        data={**_opened(client), "notes": "kept", "on-day": "31", "on-month": "2"},
        headers=CASEWORKER,
    )
    assert answer.status_code == 422
    assert _title(answer.text) == "Error: Log an attempt – SG-26-004217 – Victim Gateway"
    for link, message in (
        ("#who", "Enter who answered"),
        ("#on-year", "The date must include a year"),
        ("#outcome", "Choose one of the answers"),
    ):
        assert re.search(rf'<a href="{link}">\s*{message}', answer.text)
        assert f'id="{link[1:]}"' in answer.text
    assert "kept</textarea>" in answer.text
    assert 'value="31"' in answer.text
    assert not seen


def test_a_mistake_keeps_the_sending_and_the_version_it_started_with(client: FlaskClient) -> None:
    opened = _opened(client) | {"version": "6"}
    again = _hidden(client.post("/attempt", data=opened, headers=CASEWORKER).text)
    assert again["submission_id"] == opened["submission_id"]
    assert again["version"] == "6"


def test_a_text_far_too_long_is_refused_at_its_field(client: FlaskClient) -> None:
    answer = _send(client, notes="x" * 20_001)
    assert answer.status_code == 422
    assert "Shorten this to 20,000 characters" in answer.text


def test_what_a_service_refuses_stands_at_the_field_it_names(client: FlaskClient) -> None:
    answer = _send(client, who="taken")
    assert answer.status_code == 422
    assert re.search(r'<a href="#who">\s*Enter a name that is not in use', answer.text)


def test_a_step_that_cannot_be_taken_now_is_said_on_the_same_page(client: FlaskClient) -> None:
    answer = _send(client, who="state")
    assert answer.status_code == 409
    assert "This referral is closed. Reopen it first." in answer.text
    assert "Rang" in answer.text


def test_a_stale_save_keeps_what_was_typed_shows_what_is_saved_and_may_be_sent_again(
    client: FlaskClient,
) -> None:
    answer = _send(client, who="stale", version="6")
    assert answer.status_code == 409
    assert "Sam saved this referral at 2:30pm." in answer.text
    assert "What is saved now" in answer.text
    assert "Rang" in answer.text
    assert _hidden(answer.text)["version"] == "7"


def test_a_repeated_sending_lands_on_the_page_with_already_saved(client: FlaskClient) -> None:
    answer = _send(client, who="twice")
    assert answer.location == "/work"
    assert "This was already saved" in client.get("/work", headers=CASEWORKER).text


def test_an_old_or_forged_page_is_refused_and_nothing_is_done(client: FlaskClient) -> None:
    answer = client.post("/attempt", data=TYPED, headers=CASEWORKER)
    assert answer.status_code == 400
    assert "This page was open for too long" in answer.text
    assert not seen


def test_a_submission_id_that_is_not_one_is_refused(client: FlaskClient) -> None:
    answer = _send(client, submission_id="1; drop")
    assert answer.status_code == 422
    assert "This page is out of date" in answer.text
    assert not seen


# refusals outside a form, failures


def _raw(client: FlaskClient, name: str, **headers: str) -> Any:
    token = _opened(client)["csrf_token"]
    return client.post(f"/raw/{name}", data={**TYPED, "csrf_token": token}, headers={**CASEWORKER, **headers})


def test_a_stale_save_without_a_form_still_shows_what_was_typed(client: FlaskClient) -> None:
    answer = _raw(client, "stale")
    assert answer.status_code == 409
    assert "A neighbour" in answer.text
    assert "csrf" not in answer.text.split("<main", 1)[1].lower()


def test_a_repeat_without_a_form_goes_back_to_where_it_came_from_on_this_host_only(
    client: FlaskClient,
) -> None:
    assert _raw(client, "twice", Referer="http://localhost/attempt").location == "/attempt"
    assert _raw(client, "twice", Referer="http://bad.example//bad.example/x").location == "/work"


def test_not_yours_and_does_not_exist_are_the_same_page(client: FlaskClient) -> None:
    def body(answer: Any) -> str:
        assert answer.status_code == 404
        return str(answer.text).split("<main", 1)[1]

    assert body(_raw(client, "hidden")) == body(client.get("/nowhere", headers=CASEWORKER))


def test_a_defect_shows_a_number_and_nothing_else(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get("/boom", headers=CASEWORKER)
    assert answer.status_code == 500
    number = re.search("<strong>([0-9A-F]{4}-[0-9A-F]{4})</strong>", answer.text)
    assert number
    assert any(getattr(record, "reference", None) == number[1] for record in caplog.records)
    assert "RuntimeError" not in answer.text
    assert "Asha Begum" not in answer.text


def test_a_body_that_is_too_large_and_a_wrong_method_have_pages_too(client: FlaskClient) -> None:
    large = client.post("/attempt", data={"notes": "x" * 60_000}, headers=CASEWORKER)
    assert large.status_code == 413
    assert "The file is too large" in large.text
    wrong = client.post("/work", headers=CASEWORKER)
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["Allow"]


def test_a_name_that_a_page_misspells_is_a_failure_and_not_an_empty_place(small_app: Flask) -> None:
    with small_app.test_request_context("/typo"), pytest.raises(UndefinedError):
        typo()


# lists


def test_filters_come_from_the_address_and_a_choice_that_does_not_exist_counts_as_none(
    client: FlaskClient,
) -> None:
    chosen = client.get("/list?outcome=reached&text=two+words&page=4").get_json()
    assert chosen["outcome"] == "reached"
    assert chosen["chips"] == [
        ["Outcome", "Reached", "/list?text=two+words"],
        ["Words", "two words", "/list?outcome=reached"],
    ]
    assert client.get("/list?outcome=x").get_json() == {"outcome": None, "chips": []}


def test_a_long_list_is_cut_into_pages_with_gaps_between_their_numbers() -> None:
    paging = Paging(number=12, total=1204)
    assert (paging.pages, paging.first, paging.last) == (25, 551, 600)
    assert paging.page_numbers() == [1, None, 11, 12, 13, None, 25]
    assert (Paging(1, 0).first, Paging(1, 0).pages) == (0, 1)


def test_a_public_page_can_be_left_at_once_and_shows_nobody(client: FlaskClient) -> None:
    page = client.get("/refer", headers=CASEWORKER).text
    assert page.count("Exit this page") >= 2
    assert "Asha Begum" not in page
    assert "noindex" in page
    assert _title(page) == "Get help"


def test_a_database_that_is_away_or_held_is_said_to_be_busy_and_programs_are_told_when_to_try_again(
    small_app: Flask,
) -> None:
    answer = small_app.test_client().get("/busy")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "Try again in a few minutes" in answer.text
    assert "Wilma" not in answer.text
