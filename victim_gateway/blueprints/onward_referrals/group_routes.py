"""The caseworker asks several services: which and how, what they are given, check, send; and how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.onward_referrals.blueprint import bp
from victim_gateway.blueprints.onward_referrals.forms import ShareForm
from victim_gateway.blueprints.onward_referrals.group_forms import (
    ChooseServicesForm,
    LiftPauseForm,
    OfferGroupForm,
)
from victim_gateway.blueprints.onward_referrals.offer_routes import (
    CHECK,
    SEND,
    always_shared,
    fill_usual_parts,
    given_consent,
    sharing_answer,
    typed_texts,
)
from victim_gateway.blueprints.onward_referrals.presenters import safe_panel
from victim_gateway.blueprints.onward_referrals.typed_fields import read_row_ids
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound, TransitionNotAllowed
from victim_gateway.offer_vocabulary import OfferGroupEnd, OfferGroupMode
from victim_gateway.queries.onward_referrals.eligibility import (
    gather_eligibility_facts,
    rank_services,
)
from victim_gateway.queries.onward_referrals.handover import (
    can_be_referred_on,
    gather_handover_source,
    sharing_consent_in_force,
)
from victim_gateway.queries.onward_referrals.offer_groups import offer_group_view
from victim_gateway.queries.referrals.header import referral_header
from victim_gateway.rules.eligibility import ServiceFit
from victim_gateway.rules.handover import (
    ALWAYS_SHARED,
    BESIDE_THE_HANDOVER,
    HandoverSource,
    RecordedConsent,
    compose_handover,
    read_handover,
)
from victim_gateway.rules.kind_answers import is_own_yes
from victim_gateway.rules.offer_groups import FEWEST, HINDRANCE_PHRASES, MOST
from victim_gateway.services import onward_referrals
from victim_gateway.vocabulary import HandoverPart
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

END_PHRASES = {
    OfferGroupEnd.ACCEPTED: "A service has accepted, so no other is asked.",
    OfferGroupEnd.STOPPED: "It was stopped: no other service is asked.",
    OfferGroupEnd.EXHAUSTED: "Every service has been asked, and none has to answer any more.",
}


@dataclass(frozen=True, slots=True)
class ChosenGroup:
    """The services of the address with how they fit, and the yes that each provider has or lacks."""

    mode: OfferGroupMode
    closes_others: bool
    fits: tuple[ServiceFit, ...]
    consents: dict[UUID, RecordedConsent]

    @property
    def unasked(self) -> list[str]:
        """The providers for which no yes is recorded."""
        names = (
            fit.service.provider_name for fit in self.fits if fit.service.provider_id not in self.consents
        )
        return list(dict.fromkeys(names))

    @property
    def scope(self) -> tuple[HandoverPart, ...]:
        """What every recorded yes reaches; empty: everything."""
        scopes = [set(consent.scope) for consent in self.consents.values() if consent.scope]
        return tuple(part for part in HandoverPart if scopes and all(part in scope for scope in scopes))


@bp.route("/referrals/<uuid:referral_id>/ask-several", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def ask_several(referral_id: UUID) -> ResponseReturnValue:
    """Which services are asked, in which order, at once or one after the other."""
    form, today = ChooseServicesForm(), times.london_date(times.now())
    with transaction(signed_in_actor()) as session:
        top = referral_header(session, referral_id, at=times.now(), page="refer_on")
        if not can_be_referred_on(session, top.referral):
            raise TransitionNotAllowed(
                "Make a triage assessment first: only then can the person be referred on."
            )
        facts = gather_eligibility_facts(session, referral_id, today)
        fits = rank_services(session, referral_id, facts, today)
    form.offer(
        [
            fit
            for fit in fits
            if fit.fits
            and not (fit.needs_senior_yes or fit.needs_override or fit.service.kind_rules.is_asked_alone)
        ]
    )
    if form.validate_on_submit() and form.check_chosen():
        return redirect(
            url_for(
                "onward_referrals.share_with_several",
                referral_id=referral_id,
                service=[str(each) for each in form.chosen()],
                mode=form.mode.data,
                closes="yes" if form.closes_others.data else "no",
            )
        )
    return render_form("onward_referrals/ask_several.html", form, top=top)


@bp.route("/referrals/<uuid:referral_id>/ask-several/share", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def share_with_several(referral_id: UUID) -> ResponseReturnValue:
    """What each of them will know, and the person's yes to each; then exactly that to check; then it is sent."""
    step = request.form.get("step")
    form = ShareForm(ask_consent=False)
    if step == SEND and form.validate_on_submit():
        with save_or_refuse(form, then=url_for("onward_referrals.refer_on", referral_id=referral_id)):
            # One moment for both: a yes that is given now must not lie after the offer.
            at = times.now()
            group_id = onward_referrals.offer_to_several(form.command(at), referral_id, _wanted(form, at))
            flash_success("The person was referred on. See below who is asked, and who comes next.")
            return redirect(url_for("onward_referrals.offer_group", group_id=group_id))
    top, source, chosen = _read(referral_id)
    if form.refusal is None:
        form = ShareForm(ask_consent=bool(chosen.unasked), scope=chosen.scope)
    if form.is_submitted() and form.refusal is None and form.validate() and step == CHECK:
        return _check_page(form, top, source, chosen)
    if not form.is_submitted():
        fill_usual_parts(form, source, _joint_consent(chosen))
    return render_form(
        "onward_referrals/share_with_several.html",
        form,
        version=top.referral.version,
        top=top,
        chosen=chosen,
        **always_shared(source),
    )


def _chosen_ids() -> list[UUID]:
    ids = read_row_ids(request.args.getlist("service"))
    if not FEWEST <= len(ids) <= MOST or len(set(ids)) < len(ids):
        abort(404)
    return ids


def _mode() -> OfferGroupMode:
    try:
        return OfferGroupMode(request.args.get("mode", ""))
    except ValueError:
        abort(404)


def _wanted(form: ShareForm, at: datetime) -> onward_referrals.OfferToSeveral:
    return onward_referrals.OfferToSeveral(
        service_ids=_chosen_ids(),
        mode=_mode(),
        closes_others=request.args.get("closes") == "yes",
        share=form.parts(),
        texts=typed_texts(form),
        consent=sharing_answer(form, at),
    )


def _read(referral_id: UUID) -> tuple[Any, HandoverSource, ChosenGroup]:
    today, wanted = times.london_date(times.now()), _chosen_ids()
    with transaction(signed_in_actor()) as session:
        top = referral_header(session, referral_id, at=times.now(), page="refer_on")
        source = gather_handover_source(session, referral_id, on=today)
        facts = gather_eligibility_facts(session, referral_id, today)
        by_id = {fit.service.id: fit for fit in rank_services(session, referral_id, facts, today)}
        if not set(wanted) <= by_id.keys():
            raise NotFound
        fits = tuple(by_id[service_id] for service_id in wanted)
        chosen = ChosenGroup(
            _mode(), request.args.get("closes") == "yes", fits, _consents(session, source.person_id, fits)
        )
    return top, source, chosen


def _consents(session: Session, person_id: UUID, fits: Sequence[ServiceFit]) -> dict[UUID, RecordedConsent]:
    providers = dict.fromkeys(fit.service.provider_id for fit in fits)
    found = {each: sharing_consent_in_force(session, person_id, each) for each in providers}
    strict = {fit.service.provider_id for fit in fits if fit.service.needs_own_yes}
    return {
        provider_id: consent
        for provider_id, consent in found.items()
        if consent is not None
        and (provider_id not in strict or is_own_yes(consent.how, is_carried_over=consent.is_carried_over))
    }


def _joint_consent(chosen: ChosenGroup) -> RecordedConsent | None:
    """A yes with what all the recorded ones reach, to tick no more than that."""
    known = next(iter(chosen.consents.values()), None)
    return RecordedConsent(known.how, known.given_at, chosen.scope) if known else None


def _check_page(
    form: ShareForm, top: Any, source: HandoverSource, chosen: ChosenGroup
) -> ResponseReturnValue:
    today = times.london_date(times.now())
    basis = _joint_consent(chosen) or given_consent(form, times.now())
    document = compose_handover(source, form.parts(), typed_texts(form), basis, today)
    return render_template(
        "onward_referrals/check_several.html",
        form=form,
        top=top,
        chosen=chosen,
        shared=read_handover(document),
        panel=safe_panel(source.safe_contact, today, shown=False),
        left_out=[
            part for part in HandoverPart if part not in (*form.parts(), *ALWAYS_SHARED, *BESIDE_THE_HANDOVER)
        ],
        incomplete=always_shared(source)["incomplete"],
    )


@bp.get("/offer-groups/<uuid:group_id>")
@requires(Permission.EDIT_CASEWORK)
def offer_group(group_id: UUID) -> ResponseReturnValue:
    """Who was asked, in which order, what comes next."""
    with transaction(signed_in_actor()) as session:
        found = offer_group_view(session, group_id)
        top = referral_header(session, found.referral_id, at=times.now(), page="offer_group")
    return render_template(
        "onward_referrals/offer_group.html",
        found=found,
        top=top,
        hindrances=HINDRANCE_PHRASES,
        ended=END_PHRASES[found.end_reason] if found.end_reason else None,
    )


@bp.route("/offer-groups/<uuid:group_id>/stop", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def stop_asking(group_id: UUID) -> ResponseReturnValue:
    """Stop asking others; first what that means."""
    form, after = OfferGroupForm(), url_for("onward_referrals.offer_group", group_id=group_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.stop_offer_group(form.command(), group_id)
            flash_success("No other service is asked.")
            return redirect(after)
    with transaction(signed_in_actor()) as session:
        found = offer_group_view(session, group_id)
        top = referral_header(session, found.referral_id, at=times.now(), page="offer_group")
    if request.method == "GET" and found.ended_at is not None:
        raise TransitionNotAllowed("No further service is asked: this has ended already.")
    return render_form("onward_referrals/stop_asking.html", form, found=found, top=top)


@bp.post("/offer-groups/<uuid:group_id>/go-on")
@requires(Permission.EDIT_CASEWORK)
def go_on_asking(group_id: UUID) -> ResponseReturnValue:
    """Ask the next service now; where it still can't be asked, the page says why."""
    form, after = OfferGroupForm(), url_for("onward_referrals.offer_group", group_id=group_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            if onward_referrals.ask_next_now(form.command(), group_id) is not None:
                flash_success("The next service was asked.")
            return redirect(after)
    if form.refusal is not None:
        raise form.refusal
    return redirect(after)


@bp.route("/referrals/<uuid:referral_id>/refer-on/<uuid:service_id>/lift", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def lift_pause(referral_id: UUID, service_id: UUID) -> ResponseReturnValue:
    """Let the person be offered to a service again that had declined them."""
    form, after = LiftPauseForm(), url_for("onward_referrals.refer_on", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.lift_service_pause(
                form.command(), referral_id, service_id, text=form.reason_text.data or ""
            )
            flash_success("They can be offered to this service again.")
            return redirect(after)
    today = times.london_date(times.now())
    with transaction(signed_in_actor()) as session:
        top = referral_header(session, referral_id, at=times.now(), page="refer_on")
        facts = gather_eligibility_facts(session, referral_id, today)
        fits = rank_services(session, referral_id, facts, today)
    fit = next((each for each in fits if each.service.id == service_id), None)
    if fit is None:
        raise NotFound
    if request.method == "GET" and fit.pause is None:
        raise TransitionNotAllowed("Nothing stands in the way of offering them to this service.")
    return render_form("onward_referrals/lift_pause.html", form, top=top, fit=fit)
