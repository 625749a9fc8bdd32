"""Record a referral: search first, then one form, then check what was typed and who it is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.record_forms import ReferralForm
from victim_gateway.blueprints.referrals.value_fields import HARM_HINTS, harm_groups
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput
from victim_gateway.queries.people import search
from victim_gateway.queries.people.search import FoundPerson
from victim_gateway.queries.referrals.alerts import referral_alerts
from victim_gateway.queries.referrals.header import referral_state
from victim_gateway.rules.alerts import PersonAlert
from victim_gateway.services.referrals import create_referral
from victim_gateway.services.shared import submissions
from victim_gateway.vocabulary import DraftKind, ReferralState
from victim_gateway.web import flashes
from victim_gateway.web.drafts import drafted
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("record_referral", __name__, template_folder="templates", url_prefix="/record")

# Not carried from the form to the page that checks it: each sending has its own.
_OWN_TO_A_SENDING = ("csrf_token", "step", "match", "draft_id", "draft_revision")
NEW = "new"


@dataclass(frozen=True, slots=True)
class _Answers:
    """Who the referral is about, as the address and the form say."""

    known: FoundPerson | None
    matches: tuple[FoundPerson, ...]


@bp.get("")
@requires(Permission.RECORD_REFERRAL)
def start() -> ResponseReturnValue:
    """Search before you record: a person known already is not made twice."""
    return render_template("referrals/record_start.html")


@bp.route("/new", methods=["GET", "POST"])
@requires(Permission.RECORD_REFERRAL)
@drafted(DraftKind.REFERRAL)
def form() -> ResponseReturnValue:
    """The form, the page to check it, and saving: each step sends everything that was typed."""
    typed, now = ReferralForm(current_settings().area.districts), times.now()
    known = _known(now)
    step = request.form.get("step", "check")
    if request.method == "GET" or step == "change":
        return _page(typed, known, status=200)
    if not typed.validate_on_submit():
        return _page(typed, known, status=422)
    answers = _answers(typed, known, now)
    if step == "save":
        return _save(typed, answers, now)
    page: ResponseReturnValue | None = None
    with save_or_refuse(typed, then=url_for("work_queue.home")):
        typed.referral(known.person_id if known else None, now).check(now)
        page = _check_page(typed, answers)
    return page or _page(typed, known, status=422)


def _save(typed: ReferralForm, answers: _Answers, now: datetime) -> ResponseReturnValue:
    done: ResponseReturnValue | None = None
    with save_or_refuse(typed, then=url_for("work_queue.home", tab="unassigned")):
        # Sent a second time, the person just recorded would be found and asked about.
        submissions.refuse_repeated_submission(typed.command())
        referral_id = create_referral.record_referral(
            typed.command(now), typed.referral(_chosen(answers), now)
        )
        flashes.flash_success("The referral was recorded", link=_next_link(referral_id))
        done = redirect(url_for("referrals.overview", referral_id=referral_id))
    return done or _check_page(typed, answers, status=422)


def _next_link(referral_id: UUID) -> tuple[str, str]:
    """The likely next step: with the person on the phone, their needs."""
    with transaction(signed_in_actor()) as session:
        state = referral_state(session, referral_id)
    if state is ReferralState.IN_CONTACT:
        return "Start the triage assessment", url_for("referrals.assess", referral_id=referral_id)
    if state is ReferralState.ASSIGNED:
        return "Log a contact attempt", url_for("referrals.log_attempt", referral_id=referral_id)
    return "See all unassigned referrals", url_for("work_queue.home", tab="unassigned")


def _chosen(answers: _Answers) -> UUID | None:
    """The person that the referral is about; None is somebody new. Raises InvalidInput for no choice."""
    if answers.known is not None:
        return answers.known.person_id
    chosen = request.form.get("match", "")
    ids = {str(match.person_id): match.person_id for match in answers.matches}
    if chosen in ids:
        return ids[chosen]
    if answers.matches and chosen != NEW:
        raise InvalidInput("Choose whether this is somebody we know")
    return None


def _known(now: datetime) -> FoundPerson | None:
    person_id = request.args.get("person", type=UUID)
    if person_id is None:
        return None
    with transaction(signed_in_actor()) as session:
        return search.find_person(session, person_id, today=times.london_date(now))


def _answers(typed: ReferralForm, known: FoundPerson | None, now: datetime) -> _Answers:
    if known is not None:
        return _Answers(known, ())
    with transaction(signed_in_actor()) as session:
        found = search.matching_people(session, typed.person(), today=times.london_date(now))
    return _Answers(None, found)


def _page(typed: ReferralForm, known: FoundPerson | None, *, status: int) -> ResponseReturnValue:
    shown: dict[str, Any] = {
        "known": known,
        "alerts": _alerts(known),
        "harm_groups": harm_groups(),
        "harm_hints": HARM_HINTS,
    }
    if status == 200:
        return render_template("referrals/record_form.html", form=typed, **shown)
    return render_form("referrals/record_form.html", typed, **shown)


def _alerts(known: FoundPerson | None) -> tuple[PersonAlert, ...]:
    """The alerts of somebody we know, by their newest referral that the reader may see."""
    if known is None or not known.referrals:
        return ()
    with transaction(signed_in_actor()) as session:
        return referral_alerts(session, known.referrals[0].referral_id, at=times.now())


def _check_page(typed: ReferralForm, answers: _Answers, *, status: int = 200) -> ResponseReturnValue:
    carried = [
        (name, value) for name, value in request.form.items(multi=True) if name not in _OWN_TO_A_SENDING
    ]
    page = render_template(
        "referrals/record_check.html",
        form=typed,
        known=answers.known,
        alerts=_alerts(answers.known),
        matches=answers.matches,
        carried=carried,
        chosen=request.form.get("match"),
        new=NEW,
    )
    return page, status
