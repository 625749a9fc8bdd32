"""The provider's page of one onward referral: can we help, and is it safe? And later: what have we done?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.blueprints.onward_referrals.forms import DeclineForm, RequestInformationForm
from victim_gateway.blueprints.onward_referrals.kind_presenter import kind_panel
from victim_gateway.blueprints.onward_referrals.presenters import (
    PROVIDER_STATES,
    AmendmentLine,
    amendment_line,
    next_for_provider,
    notice_line,
    restorative_caution,
    safe_panel,
    timeline_entries,
)
from victim_gateway.blueprints.onward_referrals.record_forms import AcceptForm
from victim_gateway.blueprints.onward_referrals.record_presenter import appointment_line, need_lines
from victim_gateway.database.kept_wordings import current_area
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.onward_referrals.detail import OnwardReferralView
from victim_gateway.queries.onward_referrals.outdated_handover import handover_amendments
from victim_gateway.queries.onward_referrals.provider_notices import NoticeEntry
from victim_gateway.queries.onward_referrals.provider_workers import ProviderWorker, workers_with_access
from victim_gateway.queries.onward_referrals.service_records import (
    AppointmentEntry,
    ServiceRecord,
    service_record,
)
from victim_gateway.queries.onward_referrals.shared_files import SharedDocument, shared_documents
from victim_gateway.rules.provider_notices import CORRECTIONS
from victim_gateway.rules.service_records import (
    WORKING_STATES,
    explain_unsafe_appointment,
    handover_needs,
)
from victim_gateway.rules.transitions import ONWARD_TRANSITIONS, UNANSWERED_ONWARD_STATES
from victim_gateway.services.onward_referrals.support import closing_outcomes
from victim_gateway.vocabulary import NoticeKind, OnwardState
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.permissions import works_by_link
from victim_gateway.web.sessions import signed_in_actor


class AnswerChoice(StrEnum):
    """The three answers to an offer; each has a small form of its own on the page."""

    ACCEPT = "accept"
    ASK = "ask"
    DECLINE = "decline"


STATE_OF_CHOICE = {
    AnswerChoice.ACCEPT: OnwardState.ACCEPTED,
    AnswerChoice.ASK: OnwardState.INFORMATION_REQUESTED,
    AnswerChoice.DECLINE: OnwardState.DECLINED,
}


@dataclass(frozen=True, slots=True)
class _BesidePage:
    """What the page reads beside the onward referral itself."""

    documents: tuple[SharedDocument, ...]
    workers: tuple[ProviderWorker, ...]
    record: ServiceRecord | None
    amendments: tuple[AmendmentLine, ...]


def render_provider_page(
    found: OnwardReferralView,
    *,
    shown: bool = False,
    choice: AnswerChoice = AnswerChoice.ACCEPT,
    sent: BaseForm | None = None,
) -> ResponseReturnValue:
    """The page with its three answers while one is owed; `sent` is the form of `choice` as it was sent and refused.

    `shown`: with numbers, addresses and the code word.
    """
    now, beside = times.now(), _read_beside(found)
    unanswered = found.state in UNANSWERED_ONWARD_STATES
    forms = _answer_forms(found, beside.workers, choice, sent) if unanswered else {}
    context = {"form": sent} if sent is not None else {}
    page = render_template(
        "onward_referrals/detail.html",
        found=found,
        documents=beside.documents,
        state_labels=PROVIDER_STATES,
        panel=safe_panel(found.safe_contact, times.london_date(now), shown=shown, now=now),
        upcoming=next_for_provider(found, beside.record, now),
        caution=restorative_caution(found),
        entries=timeline_entries(found.timeline),
        unread=[notice_line(notice) for notice in _unread(found) if notice.kind not in CORRECTIONS],
        notice_line=notice_line,
        to_read=[notice for notice in _unread(found) if notice.kind in CORRECTIONS],
        amendments=beside.amendments,
        may_return=OnwardState.RETURNED in ONWARD_TRANSITIONS[found.state],
        corrected=[notice_line(notice) for notice in found.notices if notice.kind in CORRECTIONS],
        unanswered=unanswered,
        forms=forms,
        choice=choice,
        may_acknowledge=found.state is OnwardState.OFFERED,
        may_ask=OnwardState.INFORMATION_REQUESTED in ONWARD_TRANSITIONS[found.state],
        may_close=bool(closing_outcomes(found.state)),
        record=beside.record,
        needs=_need_lines(found, beside.record),
        kind_panel=kind_panel(found, beside.record),
        appointment_line=appointment_line,
        unsafe_appointments=_unsafe_appointments(found, beside.record, now),
        now=now,
        **context,
    )
    if sent is None:
        return page
    return page, sent.refusal.status if sent.refusal else 422


def _unsafe_appointments(
    found: OnwardReferralView, record: ServiceRecord | None, now: datetime
) -> list[tuple[AppointmentEntry, str]]:
    """What is planned and not safe by what is known today: safe contact may have changed since it was made."""
    planned = record.coming_appointments(now) if record else ()
    checked = (
        (each, explain_unsafe_appointment(found.safe_contact, each.manner, each.times)) for each in planned
    )
    return [(each, why) for each, why in checked if why is not None]


def _need_lines(found: OnwardReferralView, record: ServiceRecord | None) -> list[object]:
    if record is None:
        return []
    return [*need_lines(handover_needs(found.handover), record.needs, dict(current_area().needs.steps))]


def _read_beside(found: OnwardReferralView) -> _BesidePage:
    actor, by_link = signed_in_actor(), works_by_link()
    with transaction(actor) as session:
        return _BesidePage(
            documents=shared_documents(session, found.id) if found.answered_at and not by_link else (),
            workers=workers_with_access(session, actor.organisation_id, found.service_id)
            if found.state in UNANSWERED_ONWARD_STATES and not by_link
            else (),
            record=service_record(session, found.id, is_provider=True)
            if found.state in WORKING_STATES and not by_link
            else None,
            amendments=_amendments(session, found),
        )


def _unread(found: OnwardReferralView) -> list[NoticeEntry]:
    return [notice for notice in found.notices if notice.read_at is None]


def _amendments(session: Session, found: OnwardReferralView) -> tuple[AmendmentLine, ...]:
    if not any(notice.kind is NoticeKind.SHARED_AGAIN for notice in found.notices):
        return ()
    return tuple(amendment_line(each) for each in handover_amendments(session, found.id))


def _answer_forms(
    found: OnwardReferralView,
    workers: tuple[ProviderWorker, ...],
    choice: AnswerChoice,
    sent: BaseForm | None,
) -> dict[AnswerChoice, BaseForm]:
    """One form for each answer; the two that were not sent are empty."""
    forms: dict[AnswerChoice, BaseForm] = {
        AnswerChoice.ACCEPT: AcceptForm(workers, formdata=None),
        AnswerChoice.ASK: RequestInformationForm(formdata=None),
        AnswerChoice.DECLINE: DeclineForm(formdata=None),
    }
    for form in forms.values():
        form.version.data = found.version
    if sent is not None:
        if sent.is_stale:
            sent.version.data = found.version
        forms[choice] = sent
    return forms
