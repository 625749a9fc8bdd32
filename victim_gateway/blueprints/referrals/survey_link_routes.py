"""The page behind a link to questions: for its holder, without a sign-in, and without a word of a person."""

from __future__ import annotations

import logging
from dataclasses import replace
from urllib.parse import urlsplit

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, InternalServerError

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.blueprints.referrals.surveys import SurveyQuestionsForm
from victim_gateway.database.audit_log import AuditNotWritten
from victim_gateway.database.current import current_settings
from victim_gateway.errors import AlreadyDone, GatewayError, InvalidInput, NotFound
from victim_gateway.services.accounts.rate_limits import TooManyAttempts
from victim_gateway.services.referrals.survey_links import LINK_HOLDER, answer_survey_link, open_survey_link
from victim_gateway.web.errors import RETRY_AFTER_S
from victim_gateway.web.permissions import public
from victim_gateway.web.responses import reference_number
from victim_gateway.web.sessions import anonymous_actor

log = logging.getLogger(__name__)
bp = Blueprint("answers", __name__, template_folder="templates", url_prefix="/answers")


@bp.route("/<secret>", methods=["GET", "POST"])
@public
def questions(secret: str) -> ResponseReturnValue:
    """The questions of a link; after they were answered, a thank you. A wrong link and one that ended look the same."""
    at = times.now()
    form = SurveyQuestionsForm(
        [each for each in current_settings().area.support.survey.questions if each.by_link]
    )
    if request.method == "GET":
        if open_survey_link(secret, actor=_holder(), at=at).is_answered:
            return _page("answered")
        return render_template("referrals/answer_questions.html", form=form)
    if form.validate_on_submit():
        try:
            answer_survey_link(secret, form.given(), actor=_holder(), at=at)
        except InvalidInput as error:
            form.refuse(error)
        else:
            return _page("thanks")
    return render_template("referrals/answer_questions.html", form=form), 422


@bp.before_app_request
def keep_to_questions() -> ResponseReturnValue | None:
    """At an address of links' own nothing else is there: no sign-in page that says whose it is.

    What no route takes below our own part of an address is answered here too: no error handler of ours is asked then.
    """
    unrouted = request.routing_exception
    if unrouted is not None and request.path.startswith(f"{bp.url_prefix}/"):
        return _page("ended"), 404
    own = urlsplit(current_settings().area.support.survey.link_address or "").netloc
    if not own or request.host != own or request.endpoint in ("answers.questions", "static"):
        return None
    return _page("ended"), 404


# The pages for these say the service's name: here they may not.
@bp.errorhandler(NotFound)
def show_ended(_: NotFound) -> ResponseReturnValue:
    return _page("ended"), 404


@bp.errorhandler(AlreadyDone)
def show_answered(_: AlreadyDone) -> ResponseReturnValue:
    return _page("answered"), 409


@bp.errorhandler(TooManyAttempts)
def show_too_many(_: TooManyAttempts) -> ResponseReturnValue:
    return _page("too_many"), 429


@bp.errorhandler(CSRFError)
def show_open_too_long(_: CSRFError) -> ResponseReturnValue:
    return _page("too_long"), 400


@bp.errorhandler(GatewayError)
def show_refused(error: GatewayError) -> ResponseReturnValue:
    return _page("failed"), error.status


@bp.errorhandler(HTTPException)
def show_unreadable(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error
    return _page("failed"), error.code


@bp.errorhandler(InternalServerError)
def show_failure(_: InternalServerError) -> ResponseReturnValue:
    log.error("page.failed", extra={"reference": reference_number(), "endpoint": request.endpoint})
    return _page("failed"), 500


@bp.errorhandler(AuditNotWritten)
@bp.errorhandler(OperationalError)
@bp.errorhandler(PoolTimeout)
def show_busy(error: Exception) -> ResponseReturnValue:
    """Nothing was shown or saved, and it may be tried again."""
    extra = {"reference": reference_number(), "endpoint": request.endpoint}
    log.error("page.unavailable", extra=extra, exc_info=error)
    return _page("failed"), 503, {"Retry-After": RETRY_AFTER_S}


def _page(said: str) -> str:
    return render_template("referrals/answer_said.html", said=said)


def _holder() -> Actor:
    return replace(anonymous_actor(), name=LINK_HOLDER)
