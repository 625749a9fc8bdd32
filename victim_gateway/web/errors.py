"""Refusals and failures as pages: what happened, in plain words, and what to do instead."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, InternalServerError, SecurityError

from victim_gateway.database.audit_log import AuditNotWritten
from victim_gateway.errors import AlreadyDone, GatewayError, NotFound, OnwardReferralEnded, StaleVersion
from victim_gateway.web import flashes, navigation
from victim_gateway.web.permissions import safe_next
from victim_gateway.web.responses import reference_number, typed_answers

log = logging.getLogger(__name__)

# Status: title, and paragraphs that end with what to do.
_PAGES: dict[int, tuple[str, tuple[str, ...]]] = {
    400: (
        "We could not read what was sent",
        (
            "Something was missing from the page or got lost on the way.",
            "Go back, open the page again and try once more.",
        ),
    ),
    403: (
        "You cannot use this page",
        (
            "Your account does not have the permission that this page needs.",
            "If you need it for your work, ask the person who manages your accounts.",
        ),
    ),
    404: (
        "Page not found",
        (
            "This page does not exist, or it is not yours to see.",
            "If you typed the address, check it is correct. If you followed a link, go back and try again.",
        ),
    ),
    405: (
        "This address does not take what was sent",
        ("Nothing was changed.", "Go back and use the buttons and links on the page."),
    ),
    413: (
        "The file is too large",
        (
            "Nothing was saved.",
            "Split the file into smaller ones, or remove what is not needed, and send it again.",
        ),
    ),
    429: (
        "Too many tries",
        (
            "To keep accounts safe we slow down when there are many tries.",
            "Wait a few minutes, then try again.",
        ),
    ),
    500: (
        "Sorry, there is a problem with the service",
        (
            "If you were saving something, open the page again and check what is there before you repeat it.",
            "If this happens again, tell whoever looks after the service the number below.",
        ),
    ),
    503: (
        "Sorry, the service is not available",
        (
            "If you were saving something, check what is there before you repeat it.",
            "Try again in a few minutes.",
        ),
    ),
}
_GATEWAY_TITLES = {
    403: "You cannot do this",
    409: "This cannot be done now",
    422: "We cannot use what was sent",
}
_NOTHING_CHANGED = "Nothing was changed. Go back to see how things stand."
_ENDED = (
    "Do not contact the person about it. Close or destroy anything you have written down or printed about it.",
    "If something is already planned, ring the Gateway first. Your inbox shows what has ended.",
)
RETRY_AFTER_S = "5"


def error_page(
    status: int, title: str, paragraphs: tuple[str, ...], *, reference: str | None = None
) -> tuple[str, int]:
    """Render an error page that says what happened and what to do."""
    page = render_template("pages/error.html", title=title, paragraphs=paragraphs, reference=reference)
    return page, status


def _for_status(status: int) -> tuple[str, int]:
    known = status if status in _PAGES else (500 if status >= 500 else 400)
    title, paragraphs = _PAGES[known]
    if status >= 500:
        navigation.forget_user()
    return error_page(status, title, paragraphs, reference=reference_number() if status >= 500 else None)


def handle_refusal(error: GatewayError) -> ResponseReturnValue:
    """Render a refusal that no form handled, with its own message and status."""
    if isinstance(error, OnwardReferralEnded):
        return error_page(error.status, "This referral is no longer with you", (error.message, *_ENDED))
    if isinstance(error, NotFound):
        # The same page as for an unknown address, so that existence is not disclosed.
        return _for_status(404)
    messages = (error.message, *error.fields.values())
    title = _GATEWAY_TITLES.get(error.status, "This cannot be done")
    return error_page(error.status, title, (*dict.fromkeys(messages), _NOTHING_CHANGED))


def handle_already_done(error: AlreadyDone) -> ResponseReturnValue:
    """Redirect to the page after the form, with the banner "already saved"."""
    flashes.already_saved()
    return redirect(safe_next(urlsplit(request.referrer or "").path, navigation.home_url()))


def handle_stale(error: StaleVersion) -> ResponseReturnValue:
    """Show the typed values for copying, with a link to the page as it is now."""
    return render_template("pages/stale.html", message=error.message, typed=typed_answers()), error.status


def handle_forged(error: CSRFError) -> ResponseReturnValue:
    """Answer a missing, wrong or expired CSRF token, mostly of a page that was open for very long.

    Changing the organisation makes a new token: a page of the organisation before is answered here too, and nothing
    of it reaches the other.
    """
    around = navigation.page_frame()
    if around.can_change_organisation:
        return error_page(
            400,
            "This page belongs to another organisation, or was open for too long",
            (
                f"You are working for {around.organisation_name} now. Nothing was saved.",
                "If the page is of another organisation, copy what you typed, change the organisation at the top"
                " and open the page again.",
            ),
        )
    return error_page(
        400,
        "This page was open for too long",
        (
            "To keep people safe we only accept a page that was opened recently. Nothing was saved.",
            "Go back, copy anything you typed that you want to keep, reload the page and send it again.",
        ),
    )


def handle_untrusted_host(_: SecurityError) -> ResponseReturnValue:
    """Answer a request for an untrusted host name as plain text, since a page's links could not work."""
    return "This service has another address.\n", 400, {"Content-Type": "text/plain; charset=utf-8"}


def handle_http(error: HTTPException) -> ResponseReturnValue:
    """Render the page of an HTTP status raised by Flask or a route; redirects pass through unchanged."""
    if error.code is None or error.code < 400:
        return error
    page, status = _for_status(error.code)
    # The body is ours; what else the error says stays.
    headers = error.get_response().headers
    return page, status, [(name, headers[name]) for name in ("Allow", "Retry-After") if name in headers]


def handle_failure(error: InternalServerError) -> ResponseReturnValue:
    """Answer a defect. Flask has logged the traceback; this log line ties it to the number on the page."""
    log.error("page.failed", extra={"reference": reference_number(), "endpoint": request.endpoint})
    return _for_status(500)


def handle_busy(error: SQLAlchemyError) -> ResponseReturnValue:
    """Answer an unavailable, slow or locked database: nothing was saved, and the user may try again."""
    return _answer_unavailable("page.database_busy", error)


def handle_no_audit(error: AuditNotWritten) -> ResponseReturnValue:
    """Answer a page whose audit entry could not be written: nothing was shown or saved, and it may be tried again."""
    return _answer_unavailable("page.audit_not_written", error)


def _answer_unavailable(event: str, error: Exception) -> ResponseReturnValue:
    log.error(
        event,
        extra={"reference": reference_number(), "endpoint": request.endpoint},
        exc_info=error,
    )
    page, status = _for_status(503)
    return page, status, {"Retry-After": RETRY_AFTER_S}


class _AddressLeftOut:
    """Logs what failed by the name of its page: an address can hold the secret of a link."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def __call__(self, exc_info: Any) -> None:
        self.app.logger.error("Exception on %s [%s]", request.endpoint, request.method, exc_info=exc_info)


def register_errors(app: Flask) -> None:
    """Register a handler for every refusal and failure."""
    app.log_exception = _AddressLeftOut(app)  # type: ignore[method-assign]
    for busy in (OperationalError, PoolTimeout):
        app.register_error_handler(busy, handle_busy)
    app.register_error_handler(AuditNotWritten, handle_no_audit)
    app.register_error_handler(GatewayError, handle_refusal)
    app.register_error_handler(AlreadyDone, handle_already_done)
    app.register_error_handler(StaleVersion, handle_stale)
    app.register_error_handler(CSRFError, handle_forged)
    app.register_error_handler(SecurityError, handle_untrusted_host)
    app.register_error_handler(HTTPException, handle_http)
    app.register_error_handler(InternalServerError, handle_failure)
