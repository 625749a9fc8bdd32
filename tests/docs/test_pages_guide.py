"""The samples of docs/pages.md are code: they stand in the document word for word, and they work."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from flask_login import LoginManager, UserMixin
from flask_wtf.csrf import CSRFProtect

from tests.docs.visits import BLUEPRINTS
from tests.docs.visits.actions import VisitLog
from tests.plumbing.pages import hidden_of, send, text_of, title_of
from victim_gateway import times
from victim_gateway.vocabulary import AttemptOutcome, Role
from victim_gateway.web import register_web

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/pages.md"
SAMPLES = Path(__file__).parent / "visits"
MACROS = ROOT / "victim_gateway/templates/macros"
# A sample is a fenced block under the name of its file.
SAMPLE = re.compile(r"^`(tests/docs/visits/[^`]+)`:?\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEW = "/visits/new"


class GuideUser(UserMixin):  # type: ignore[misc]
    """Whom flask-login loads, with the role that a header names."""

    def __init__(self, role: Role) -> None:
        self.id = "1"
        self.role = role
        self.actor = SimpleNamespace(name="Asha Begum")
        self.organisation_name = "Gateway team"
        self.organisations = 0
        self.is_contact = False


@pytest.fixture(scope="module")
def sample_app() -> Flask:
    app = Flask("victim_gateway")
    app.config.update(SECRET_KEY="a key for tests only", AREA_NAME="Staffordshire")
    login = LoginManager(app)
    CSRFProtect(app)

    @login.request_loader
    def load(_request: Any) -> GuideUser | None:
        role = request.headers.get("X-Role")
        return GuideUser(Role(role)) if role else None

    register_web(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


@pytest.fixture
def log(sample_app: Flask) -> VisitLog:
    fresh = sample_app.extensions["visit_log"] = VisitLog()
    return fresh


@pytest.fixture
def browser(sample_app: Flask, log: VisitLog) -> FlaskClient:
    browser = sample_app.test_client()
    browser.environ_base["HTTP_X_ROLE"] = "caseworker"
    return browser


def answers(**changed: str) -> dict[str, str]:
    """What a caseworker types about a visit of yesterday."""
    day = times.london_date(times.now() - timedelta(days=1))
    typed = {"outcome": "reached", "visited_time": "2:30pm", "notes": ""}
    typed |= {"visited_on-day": str(day.day), "visited_on-month": str(day.month)}
    return {**typed, "visited_on-year": str(day.year), **changed}


def test_every_sample_stands_in_its_file_word_for_word() -> None:
    samples = SAMPLE.findall(GUIDE.read_text())
    assert {file for file, _ in samples} == {
        "tests/docs/visits/forms.py",
        "tests/docs/visits/routes.py",
        "tests/docs/visits/templates/visits/new.html",
    }
    assert [file for file, block in samples if block not in (ROOT / file).read_text()] == []
    assert all(len(block.splitlines()) > 5 for _, block in samples)


def test_no_code_of_the_guide_is_outside_a_sample() -> None:
    without_samples = SAMPLE.sub("", GUIDE.read_text())
    assert "```" not in without_samples


def test_the_guide_names_exactly_the_macros_that_there_are() -> None:
    listed: dict[str, set[str]] = {}
    for file, cell in re.findall(r"^\| `(\w+\.html)` \| (.*) \|$", GUIDE.read_text(), re.MULTILINE):
        listed[file] = set(re.findall(r"`([a-z_]+)`", cell))
    called_by_the_layout = {"error_summary", "done_banners"}
    defined = {
        path.name: {
            name
            for name in re.findall(r"macro (\w+)\(", path.read_text())
            if not name.startswith("_") and name not in called_by_the_layout
        }
        for path in MACROS.glob("*.html")
        if path.name != "frame.html"
    }
    assert listed == defined


def test_the_guide_names_only_filters_and_globals_that_there_are(sample_app: Flask) -> None:
    environment = sample_app.jinja_env
    text = GUIDE.read_text()
    filters = re.findall(r"`(\w+)`", text.partition("Filters:")[2].partition("Globals:")[0])
    named = re.findall(r"`(\w+)[`(]", text.partition("Globals:")[2].partition("\n")[0])
    assert len(filters) > 8 and len(named) > 1
    assert [name for name in filters if name not in environment.filters] == []
    assert [name for name in named if name not in environment.globals] == []


def test_the_page_opens_with_its_title_and_fields(browser: FlaskClient) -> None:
    page = browser.get(NEW)
    assert page.status_code == 200
    assert title_of(page).startswith("Log a visit")
    assert {name for name, _ in hidden_of(page)} == {"csrf_token", "submission_id", "version"}


def test_a_visit_is_saved_and_the_next_page_says_so(browser: FlaskClient, log: VisitLog) -> None:
    answer = send(browser, NEW, answers())
    assert (answer.status_code, answer.location) == (302, "/visits/")
    shown = text_of(browser.get("/visits/"))
    assert "The visit was saved" in shown
    assert "1 visit, the last one: " in shown
    assert log.visits == [AttemptOutcome.REACHED]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"outcome": ""}, "Choose what happened"),
        ({"visited_on-year": "2999"}, "The day of the visit must be today or in the past"),
        ({"outcome": "unsafe_stopped"}, "Enter why it was not safe"),
        ({"visited_time": "2:30"}, "The time"),
    ],
)
def test_a_wrong_answer_comes_back_with_words_at_its_field(
    browser: FlaskClient, log: VisitLog, changed: dict[str, str], message: str
) -> None:
    answer = send(browser, NEW, answers(**changed))
    assert answer.status_code == 422
    assert title_of(answer).startswith("Error: ")
    assert message in text_of(answer)
    assert log.visits == []


def test_what_the_action_refuses_comes_back_to_the_page(browser: FlaskClient, log: VisitLog) -> None:
    answer = send(browser, NEW, answers(**{"visited_on-year": "2001"}))
    assert answer.status_code == 422
    assert "The day of the visit must be in the last year" in text_of(answer)
    assert log.visits == []


def test_a_form_sent_twice_does_its_work_once(browser: FlaskClient, log: VisitLog) -> None:
    typed = {**dict(hidden_of(browser.get(NEW))), **answers()}
    assert [browser.post(NEW, data=typed).status_code for _ in range(2)] == [302, 302]
    assert "already saved" in text_of(browser.get("/visits/"))
    assert len(log.visits) == 1


def test_a_page_that_is_out_of_date_is_refused(browser: FlaskClient, log: VisitLog) -> None:
    typed = {**dict(hidden_of(browser.get(NEW))), **answers()}
    log.version += 1
    answer = browser.post(NEW, data=typed)
    assert answer.status_code == 409
    assert "Another visit was saved after you opened the page." in text_of(answer)


def test_a_role_without_the_permission_is_refused(browser: FlaskClient) -> None:
    browser.environ_base["HTTP_X_ROLE"] = "provider"
    assert browser.get(NEW).status_code == 403
