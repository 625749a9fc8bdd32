"""The caseworker refers somebody on: which service, what is shared, their yes, check, send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.onward_referrals.blueprint import bp
from victim_gateway.blueprints.onward_referrals.forms import YES, ShareForm
from victim_gateway.blueprints.onward_referrals.kind_presenter import (
    UrgentContact,
    kind_fields,
    urgent_contacts,
)
from victim_gateway.blueprints.onward_referrals.presenters import safe_panel
from victim_gateway.database.current import current_settings
from victim_gateway.database.kept_wordings import current_area
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound, TransitionNotAllowed
from victim_gateway.models import Referral
from victim_gateway.queries.onward_referrals.eligibility import (
    gather_eligibility_facts,
    kind_facts_of,
    rank_services,
    service_fit_for,
)
from victim_gateway.queries.onward_referrals.handover import (
    can_be_referred_on,
    gather_handover_source,
    sharing_consent_in_force,
)
from victim_gateway.queries.onward_referrals.sharing_overrides import override_in_force, recorded_override
from victim_gateway.queries.referrals.header import referral_header
from victim_gateway.rules.consent_answers import parts_beyond_scope
from victim_gateway.rules.eligibility import EligibilityFacts, ServiceFit, harms_without_service
from victim_gateway.rules.handover import (
    ALWAYS_SHARED,
    BESIDE_THE_HANDOVER,
    HandoverSource,
    HandoverText,
    RecordedConsent,
    RecordedOverride,
    compose_handover,
    explain_incomplete_channels,
    gives_safe_channel,
    read_handover,
)
from victim_gateway.rules.harms import SEXUAL_HARMS
from victim_gateway.rules.kind_answers import (
    KindFacts,
    compose_kind,
    is_own_yes,
    questions_to_ask,
    settle_answers,
)
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import SENIOR_FIRST, SharingConsent
from victim_gateway.vocabulary import ConsentHow, DraftKind, HandoverPart, TaskKind
from victim_gateway.web.drafts import drafted
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

# Ticked when the page is opened: what a provider nearly always needs, and nothing more.
USUAL = (
    HandoverPart.NAME,
    HandoverPart.NEEDS,
    HandoverPart.WANTS,
    HandoverPart.COMMUNICATION,
)
CHECK, SEND = "check", "send"
Basis = RecordedConsent | RecordedOverride


@bp.get("/referrals/<uuid:referral_id>/refer-on")
@requires(Permission.EDIT_CASEWORK)
def refer_on(referral_id: UUID) -> ResponseReturnValue:
    """Which services fit this person, and why the others do not."""
    today = times.london_date(times.now())
    with transaction(signed_in_actor()) as session:
        top = referral_header(session, referral_id, at=times.now(), page="refer_on")
        facts = gather_eligibility_facts(session, referral_id, today)
        fits = rank_services(session, referral_id, facts, today)
        ready = can_be_referred_on(session, top.referral)
    return render_template(
        "onward_referrals/refer_on.html",
        top=top,
        ready=ready,
        facts=facts,
        **_groups(fits),
        several=sum(fit.fits and not fit.service.kind_rules.is_asked_alone for fit in fits) > 1,
        unserved=harms_without_service(fits, facts),
        is_unspecific=facts.may_be_sexual,
        urgent=_urgent_contacts(top.referral, fits, facts, today),
        acute_days=current_settings().area.kinds.acute_days,
        is_asked=any(task.kind is TaskKind.RESTORATIVE_JUSTICE_DECISION for task in top.tasks),
        needs=dict(current_area().needs.areas),
        today=today,
        stale_after=current_settings().area.thresholds.capacity_stale_after_days,
    )


def _urgent_contacts(
    referral: Referral, fits: Sequence[ServiceFit], facts: EligibilityFacts, today: date
) -> tuple[UrgentContact, ...]:
    """Whom to ring at once: after a sexual offence, or one that leaves open whether it was."""
    if not (set(facts.harms) & SEXUAL_HARMS or facts.may_be_sexual):
        return ()
    occurred_on = times.london_date(referral.occurred_from) if referral.occurred_from else None
    possible = [fit for fit in fits if fit.fits or fit.is_offered or facts.may_be_sexual]
    found = [
        urgent_contacts([fit], occurred_on, kind_facts_of(fit.service, facts, today)) for fit in possible
    ]
    return tuple(each for contacts in found for each in contacts)


def _groups(fits: Sequence[ServiceFit]) -> dict[str, list[ServiceFit]]:
    """The services as the page shows them: for the harm, asked for, for any crime, and what does not fit."""
    fitting = [fit for fit in fits if fit.fits]
    others = [fit for fit in fits if not fit.fits and not fit.is_offered and fit.pause is None]
    return {
        "paused": [fit for fit in fits if fit.pause is not None and not fit.is_offered],
        "offered": [fit for fit in fits if fit.is_offered],
        "for_harm": [fit for fit in fitting if fit.harms],
        "proposed": [fit for fit in fits if fit.is_proposed and not fit.is_offered],
        "for_any": [fit for fit in fitting if not fit.harms and not fit.is_proposed],
        "for_harm_but": [
            fit for fit in others if (fit.harms or not fit.service.harms) and not fit.is_proposed
        ],
        "for_other_harm": [fit for fit in others if fit.service.harms and not fit.harms],
    }


@bp.route("/referrals/<uuid:referral_id>/refer-on/<uuid:service_id>", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
@drafted(DraftKind.OFFER)
def share(referral_id: UUID, service_id: UUID) -> ResponseReturnValue:
    """What the provider will know, and the person's yes; then exactly that to check; then it is sent."""
    step = request.form.get("step")
    # Whether a yes is still needed is for the service to say: one may have been recorded meanwhile.
    form = ShareForm(ask_consent=False)
    if step == SEND and form.validate_on_submit():
        after = url_for("onward_referrals.refer_on", referral_id=referral_id)
        with save_or_refuse(form, then=after):
            onward_id = _send(form, referral_id, service_id)
            link = ("Back to the referral", url_for("referrals.onward_referrals", referral_id=referral_id))
            flash_success("The person was referred on. The provider has been asked to answer.", link=link)
            return redirect(url_for("onward_referrals.overview", onward_referral_id=onward_id))
    page = _read(referral_id, service_id)
    top, source, fit, consent = page.top, page.source, page.fit, page.consent
    if form.refusal is None:
        form = ShareForm(
            ask_consent=consent is None,
            scope=consent.scope if isinstance(consent, RecordedConsent) else (),
            is_full=fit.needs_override,
            service=fit.service,
            kind_facts=page.kind_facts,
        )
    form.without_consent.data = YES if isinstance(consent, RecordedOverride) else ""
    if form.is_submitted() and form.refusal is None:
        valid = form.validate()
        if step == CHECK and valid:
            return _check_page(form, page, consent or given_consent(form, times.now()))
        if step not in (CHECK, SEND) and valid:
            # "Change": the same answers, to be changed.
            form.form_errors = []
            return render_template(
                "onward_referrals/share.html",
                **_context(form, page),
                **always_shared(source),
            )
    if not (form.is_submitted() or form.is_resumed):
        fill_usual_parts(form, source, consent)
        if fit.service.kind_rules.withheld:
            form.what_happened.data = ""
        form.fill_kind(source, page.facts)
    return render_form(
        "onward_referrals/share.html",
        form,
        version=top.referral.version,
        **_context(None, page),
        **always_shared(source),
    )


@dataclass(frozen=True, slots=True)
class _SharePage:
    """What the page of an offer shows. `weak_yes`: a yes on record that this service does not go by."""

    top: Any
    source: HandoverSource
    fit: ServiceFit
    facts: EligibilityFacts
    kind_facts: KindFacts
    consent: Basis | None
    other: Basis | None
    weak_yes: RecordedConsent | None


def _read(referral_id: UUID, service_id: UUID) -> _SharePage:
    today = times.london_date(times.now())
    with transaction(signed_in_actor()) as session:
        top = referral_header(session, referral_id, at=times.now(), page="refer_on")
        source = gather_handover_source(session, referral_id, on=today)
        facts = gather_eligibility_facts(session, referral_id, today)
        fit = service_fit_for(session, referral_id, service_id, facts, today)
        if fit is None:
            raise NotFound
        if request.method == "GET" and not can_be_referred_on(session, top.referral):
            raise TransitionNotAllowed(
                "Make a triage assessment first: only then can the person be referred on."
            )
        if request.method == "GET" and fit.needs_senior_yes:
            raise TransitionNotAllowed(SENIOR_FIRST)
        yes = sharing_consent_in_force(session, source.person_id, fit.service.provider_id)
        weak = yes if yes is not None and not _is_enough(fit, yes) else None
        consent, other = _choose_basis(session, referral_id, fit, None if weak else yes, today)
    return _SharePage(top, source, fit, facts, kind_facts_of(fit.service, facts, today), consent, other, weak)


def _is_enough(fit: ServiceFit, yes: RecordedConsent) -> bool:
    return not fit.service.needs_own_yes or is_own_yes(yes.how, is_carried_over=yes.is_carried_over)


def _choose_basis(
    session: Session, referral_id: UUID, fit: ServiceFit, yes: RecordedConsent | None, on: date
) -> tuple[Basis | None, Basis | None]:
    """What the offer rests on, and what it could rest on instead.

    A full yes always comes first. Beside a yes to less, a senior caseworker's yes can be chosen.
    """
    if fit.service.needs_own_yes or (yes is not None and not yes.scope):
        return yes, None
    found = override_in_force(session, referral_id, fit.service.provider_id, on)
    override = recorded_override(found) if found else None
    if yes is None or (override is not None and request.values.get("without_consent") == YES):
        return override, yes
    return yes, override


def _context(form: ShareForm | None, page: _SharePage) -> dict[str, Any]:
    consent, service = page.consent, page.fit.service
    is_override = isinstance(consent, RecordedOverride)
    context = {
        "today": times.london_date(times.now()),
        "stale_after": current_settings().area.thresholds.capacity_stale_after_days,
        "top": page.top,
        "fit": page.fit,
        "other": page.other,
        "weak_yes": page.weak_yes,
        "questions": questions_to_ask(service.kind, page.kind_facts),
        "urgent": urgent_contacts([page.fit], page.source.occurred_on, page.kind_facts),
        "acute_days": page.kind_facts.acute_days,
        "consent": None if is_override else consent,
        "override": consent if is_override else None,
    }
    return context if form is None else {**context, "form": form}


def always_shared(source: HandoverSource) -> dict[str, Any]:
    """What goes whatever is chosen, and what has to be put right before anything goes."""
    return {
        "source": source,
        "incomplete": _incomplete(source),
        "has_channel": gives_safe_channel(source.safe_contact),
    }


def _incomplete(source: HandoverSource) -> str | None:
    return explain_incomplete_channels(source.channels_to_complete) if source.channels_to_complete else None


def _check_page(form: ShareForm, page: _SharePage, consent: Basis) -> ResponseReturnValue:
    """The handover as the provider will read it, made by the same function that makes what is sealed."""
    today, source, kind = times.london_date(times.now()), page.source, page.fit.service.kind
    answers = settle_answers(kind, form.kind_answers(), page.kind_facts)
    texts = replace(typed_texts(form), kind=compose_kind(kind, answers))
    document = compose_handover(source, form.parts(), texts, consent, today)
    return render_template(
        "onward_referrals/check.html",
        form=form,
        top=page.top,
        fit=page.fit,
        kind_fields=kind_fields(form),
        acute_days=page.kind_facts.acute_days,
        urgent=urgent_contacts([page.fit], source.occurred_on, page.kind_facts),
        shared=read_handover(document),
        panel=safe_panel(source.safe_contact, today, shown=False),
        left_out=[
            part for part in HandoverPart if part not in (*form.parts(), *ALWAYS_SHARED, *BESIDE_THE_HANDOVER)
        ],
        incomplete=_incomplete(source),
    )


def _send(form: ShareForm, referral_id: UUID, service_id: UUID) -> UUID:
    at = times.now()
    return onward_referrals.offer_onward_referral(
        form.command(at),
        referral_id,
        onward_referrals.OfferToProvider(
            service_id=service_id,
            share=form.parts(),
            texts=typed_texts(form),
            consent=sharing_answer(form, at),
            without_consent=form.without_consent.data == YES,
            full_reason=form.full_reason.data or "",
            answers=form.kind_answers(),
        ),
    )


def typed_texts(form: ShareForm) -> HandoverText:
    """Only what is shared: text typed for a part that was then left out stays out."""
    parts = form.parts()
    return HandoverText(
        what_happened=(form.what_happened.data or "") if HandoverPart.WHAT_HAPPENED in parts else "",
        wants=(form.wants.data or "") if HandoverPart.WANTS in parts else "",
        remarks=form.remarks.data or "",
    )


def sharing_answer(form: ShareForm, at: datetime) -> SharingConsent | None:
    """The answer that was typed; None where none was asked for."""
    if not form.agreed.data or not form.how.data or not form.given_on.data:
        return None
    given = given_consent(form, at)
    return SharingConsent(agreed=form.agreed.data == YES, how=given.how, given_at=given.given_at)


def given_consent(form: ShareForm, at: datetime) -> RecordedConsent:
    """The yes that was typed."""
    return RecordedConsent(ConsentHow(form.how.data), _moment(form.given_on.data, at))


def _moment(day: date, at: datetime) -> datetime:
    """A moment of that day: `at`, if that is today, else its midday."""
    return at if day == times.london_date(at) else times.from_london_wall(datetime.combine(day, time(12)))


def fill_usual_parts(form: ShareForm, source: HandoverSource, consent: Basis | None) -> None:
    """Tick what a provider nearly always needs, as far as the yes reaches."""
    beyond = parts_beyond_scope(USUAL, consent.scope if isinstance(consent, RecordedConsent) else ())
    form.share.data = [part.value for part in USUAL if part not in beyond]
    form.what_happened.data = source.what_happened
