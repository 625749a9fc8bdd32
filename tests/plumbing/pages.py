"""Reading a page as a person does, and sending its form as a browser does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from victim_gateway.extensions import db

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_NAME = re.compile(r'\bname="([^"]+)"')


def text_of(page: TestResponse) -> str:
    """The text of the page's main part, without the tags."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main_of(page))).split())


def main_of(page: TestResponse) -> str:
    """The main part as HTML; the whole where there is none."""
    text = page.get_data(as_text=True)
    return text[text.index('id="main-content"') :] if 'id="main-content"' in text else text


def title_of(page: TestResponse) -> str:
    found = re.search(r"<title>(.*?)</title>", page.get_data(as_text=True))
    return unescape(found[1]) if found else ""


def hidden_of(page: TestResponse) -> list[tuple[str, str]]:
    """The hidden fields of the main part, in order."""
    return [(name, unescape(value)) for name, value in _HIDDEN.findall(main_of(page))]


def address_beside(page: TestResponse, rel: str) -> str:
    """The address of the page before (`prev`) or after (`next`) this one of a list."""
    found = re.search(rf'href="([^"]*)" rel="{rel}"', page.get_data(as_text=True))
    assert found is not None, f"there is no link with rel={rel}"
    return unescape(found[1])


def send(browser: FlaskClient, address: str, answers: Mapping[str, Any], **opened: Any) -> TestResponse:
    """Open the form and send it with these answers; its hidden fields go along. `opened`: how it is opened.

    An answer to a question that the form does not ask fails: sent, it would be dropped without a word.
    """
    form = browser.get(address, **opened)
    unasked = answers.keys() - set(_NAME.findall(main_of(form)))
    assert form.status_code != 200 or not unasked, f"{address} does not ask for {unasked}"
    return browser.post(address, data={**dict(hidden_of(form)), **answers})


def queries_of(browser: FlaskClient, address: str) -> int:
    """How many statements opening a page runs, once everything that is kept in memory has been read."""
    browser.get(address)
    statements = 0

    def counting(*_: Any) -> None:
        nonlocal statements
        statements += 1

    event.listen(db.engine, "before_cursor_execute", counting)
    try:
        assert browser.get(address).status_code == 200
    finally:
        event.remove(db.engine, "before_cursor_execute", counting)
    return statements
