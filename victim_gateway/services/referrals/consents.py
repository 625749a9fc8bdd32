"""Consent: a recorded answer, for a purpose, at a time. Taking it back ends at once what rested on it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import actor_of, as_service, transaction
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import Attachment, Consent, OnwardReferral, Organisation, Referral, SharedFile
from victim_gateway.queries.people.decrypted_people import age_of
from victim_gateway.queries.people.merged_records import is_record_of, records_of_person
from victim_gateway.queries.referrals.consent_endings import consent_endings, rests_on_own_answer
from victim_gateway.rules.consent_answers import ConsentFacts, find_consent_faults
from victim_gateway.rules.hold import CAPACITY_ANSWER, CONTACT_CONSENT
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES, REFERRAL_TRANSITIONS
from victim_gateway.services import onward_referrals
from victim_gateway.services.compliance import case_facts
from victim_gateway.services.compliance.case_facts import CaseFactChanges
from victim_gateway.services.referrals import given_values
from victim_gateway.services.referrals.ended_survey_links import end_survey_links
from victim_gateway.services.shared import referral_holds, submissions
from victim_gateway.services.shared.case_action import (
    EventDetails,
    ReferralAction,
    referral_action,
    refuse_future_moment,
    start_referral_action,
)
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.newer_refusals import refuse_outdated_yes
from victim_gateway.services.shared.stored_files import end_shared_files, is_fetchable
from victim_gateway.vocabulary import (
    ConsentGiver,
    ConsentHow,
    ConsentPurpose,
    HandoverPart,
    HeldReason,
    OrganisationKind,
    ReferralState,
    WithdrawReason,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentAnswer:
    """One answer to one question; `recipient_organisation_id` names the provider that sharing is about."""

    purpose: ConsentPurpose
    agreed: bool
    how: ConsentHow
    given_at: datetime
    recipient_organisation_id: UUID | None = None
    given_by: ConsentGiver | None = None
    giver_name: str | None = None
    """Who answered where it was not the person."""
    scope: tuple[HandoverPart, ...] = ()
    """The parts of a handover that a yes to sharing is limited to; empty: as agreed for each handover."""
    attachment_id: UUID | None = None
    kept_where: str | None = None
    """Where a written answer is: a file of the referral, or in words."""


def record_consent(
    command: Command, referral_id: UUID, answer: ConsentAnswer, *, text: str | None = None
) -> UUID:
    """Record the person's answer; it replaces an earlier answer to the same question.

    A no to sharing withdraws what was referred on to that provider; a no to contact holds every referral of
    theirs that was not assessed yet, and a yes to contact ends what was held for want of it. A file that holds a
    written answer stays in the Gateway: copies of it that a provider has are taken back.
    """
    refuse_future_moment("given_at", answer.given_at, command.at, "When they answered")
    with referral_action(command, referral_id, lock=LockScope.PERSON_REFERRALS) as action:
        _check_answer(action, answer)
        if answer.agreed:
            refuse_outdated_yes(
                action.session,
                action.referral.person_id,
                answer.purpose,
                answer.given_at,
                recipient_organisation_id=answer.recipient_organisation_id,
            )
        consent_id = write_consent(action.session, action.referral, answer, at=command.at)
        _seal_details(action, consent_id, answer)
        if answer.attachment_id is not None:
            end_shared_files(action.session, SharedFile.attachment_id == answer.attachment_id, at=command.at)
        if answer.purpose is ConsentPurpose.CONTACT:
            given_values.settle_given_values(action, ["consent_to_referral"])
        codes = {"purpose": answer.purpose, "agreed": answer.agreed, "how": answer.how}
        action.add_timeline_entry("consent.recorded", EventDetails(text=text, codes=codes))
        action.record_audit("consent.recorded", **codes)
        if not answer.agreed:
            _end_what_rested_on_it(action, answer.purpose, answer.recipient_organisation_id)
        elif answer.purpose is ConsentPurpose.SHARE_WITH_PROVIDER:
            onward_referrals.heed_refused_sharing(action.session, command, action.referral.person_id)
        elif answer.purpose is ConsentPurpose.CONTACT:
            referral_holds.reevaluate_hold(action, {CONTACT_CONSENT, "consent_to_referral"}, agreed=True)
            referral_holds.reevaluate_other_referrals(action, {CONTACT_CONSENT}, agreed=True)
    return consent_id


def withdraw_consent(
    command: Command,
    consent_id: UUID,
    *,
    through: UUID | None = None,
    text: str | None = None,
    seen_endings: Collection[UUID] | None = None,
) -> UUID:
    """The person takes back a yes. Gives the referral's id. What was done before stays done and lawful.

    `through` is the referral on whose page it was taken back, which need not be the one it was given with.
    `seen_endings` are the onward referrals that the page said would end; None: nobody was shown them.
    Raises NotFound where that is about another person, TransitionNotAllowed when it was a no or is over, or where
    more would end than the page said.
    """
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        referral_id = through or session.scalar(select(Consent.referral_id).where(Consent.id == consent_id))
        if referral_id is None:
            raise NotFound
        # The referrals first, then the person, then the consent, as everywhere: an import goes the same way.
        action = start_referral_action(session, command, referral_id, lock=LockScope.PERSON_REFERRALS)
        consent = _lock_consent(action, consent_id)
        if seen_endings is not None:
            _check_seen(session, consent, seen_endings, on=times.london_date(command.at))
        _close_consent(session, consent, command.at)
        codes = {"purpose": consent.purpose}
        action.add_timeline_entry("consent.withdrawn", EventDetails(text=text, codes=codes))
        action.record_audit("consent.withdrawn", **codes)
        _end_what_rested_on_it(action, consent.purpose, consent.recipient_organisation_id)
        action.finish()
        return referral_id


def _lock_consent(action: ReferralAction, consent_id: UUID) -> Consent:
    consent = action.session.get(Consent, consent_id, with_for_update=True)
    if consent is None or consent.person_id not in records_of_person(
        action.session, action.referral.person_id
    ):
        raise NotFound
    if consent.withdrawn_at is not None or not consent.agreed:
        raise TransitionNotAllowed("This consent is already over. Nothing was changed.")
    return consent


def write_consent(session: Session, referral: Referral, answer: ConsentAnswer, *, at: datetime) -> UUID:
    """Add the answer in the open transaction and close the one before.

    Raises InvalidInput for sharing without a recipient, or with what is no provider.
    """
    if answer.purpose is ConsentPurpose.SHARE_WITH_PROVIDER:
        _check_recipient(session, answer.recipient_organisation_id)
    earlier = session.scalar(
        select(Consent).where(
            Consent.person_id == referral.person_id,
            Consent.purpose == answer.purpose,
            Consent.recipient_organisation_id.is_not_distinct_from(answer.recipient_organisation_id),
            Consent.withdrawn_at.is_(None),
        )
    )
    if earlier is not None:
        _close_consent(session, earlier, max(earlier.given_at, at))
    consent = Consent(
        person_id=referral.person_id,
        referral_id=referral.id,
        purpose=answer.purpose,
        recipient_organisation_id=answer.recipient_organisation_id,
        agreed=answer.agreed,
        how=answer.how,
        given_by=answer.given_by,
        scope=[part.value for part in answer.scope],
        attachment_id=answer.attachment_id,
        given_at=answer.given_at,
        recorded_at=at,
        recorded_by_id=actor_of(session).user_id,
    )
    session.add(consent)
    session.flush()
    return consent.id


def hold_other_referrals(action: ReferralAction) -> None:
    """Hold the person's other referrals, as the service: a colleague must not call them after a no either.

    Those of every record of the person. Call it with the referrals locked before the person:
    `case_locks.lock_person_referrals`.
    """
    others = select(Referral).where(
        is_record_of(Referral.person_id, action.referral.person_id),
        Referral.id != action.referral.id,
        Referral.state.not_in((ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)),
    )
    with as_service(action.session):
        for referral in action.session.scalars(others.order_by(Referral.id)).all():
            other = action.on_other_referral(referral)
            _stop_contact(other)
            other.finish()


def hold_after_refusal(action: ReferralAction) -> None:
    """Hold this referral and the person's others after a no that another record of the person brought."""
    _stop_contact(action)
    action.finish()
    hold_other_referrals(action)


def _close_consent(session: Session, consent: Consent, at: datetime) -> None:
    # Only these two columns may be changed by a caseworker: the answer itself is never edited.
    session.execute(
        update(Consent)
        .where(Consent.id == consent.id)
        .values(withdrawn_at=max(at, consent.given_at), withdrawn_by_id=actor_of(session).user_id)
    )


def _check_answer(action: ReferralAction, answer: ConsentAnswer) -> None:
    """Raises InvalidInput for an answer that is not whole, or of one who can't give it."""
    person, key = action.person, action.key
    document = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    referral = encrypted_rows.unseal_row(key, "referral", action.referral_id, action.referral.sealed)
    wrong = find_consent_faults(
        ConsentFacts(
            purpose=answer.purpose,
            agreed=answer.agreed,
            how=answer.how,
            given_by=answer.given_by,
            giver_name=answer.giver_name,
            has_document=answer.attachment_id is not None or bool((answer.kept_where or "").strip()),
            age=age_of(document, times.london_date(action.at)),
            has_capacity=bool(referral.get(CAPACITY_ANSWER)),
        )
    )
    if answer.attachment_id is not None and not _is_usable_file(action, answer.attachment_id):
        wrong["attachment"] = "Choose a file of this referral that was checked"
    if answer.scope and not (answer.agreed and answer.purpose is ConsentPurpose.SHARE_WITH_PROVIDER):
        wrong["scope"] = "Only a yes to sharing can be limited"
    if wrong:
        raise InvalidInput(next(iter(wrong.values())), fields=wrong)


def _is_usable_file(action: ReferralAction, attachment_id: UUID) -> bool:
    attachment = action.session.get(Attachment, attachment_id)
    return (
        attachment is not None
        and attachment.referral_id == action.referral_id
        and is_fetchable(attachment.state)
    )


def _seal_details(action: ReferralAction, consent_id: UUID, answer: ConsentAnswer) -> None:
    details = {"giver_name": answer.giver_name, "kept_where": answer.kept_where}
    said = {name: value.strip() for name, value in details.items() if value and value.strip()}
    if said:
        sealed = encrypted_rows.seal_row(action.key, "consent", consent_id, said)
        with as_service(action.session):
            # Once, with the answer: a caseworker has no right to change one.
            action.session.execute(update(Consent).where(Consent.id == consent_id).values(sealed=sealed))


def _check_seen(session: Session, consent: Consent, seen: Collection[UUID], *, on: date) -> None:
    ending = {item.onward_referral_id for item in consent_endings(session, consent, on=on).onward}
    if not ending <= set(seen):
        raise TransitionNotAllowed(
            "The person was referred on again since you opened this page. Look at what would end now."
        )


def _check_recipient(session: Session, organisation_id: UUID | None) -> None:
    organisation = session.get(Organisation, organisation_id) if organisation_id else None
    if organisation is None or organisation.kind is not OrganisationKind.PROVIDER:
        message = "Choose the provider that the answer is about"
        raise InvalidInput(message, fields={"recipient": message})


def _end_what_rested_on_it(
    action: ReferralAction, purpose: ConsentPurpose, organisation_id: UUID | None
) -> None:
    if purpose is ConsentPurpose.SHARE_WITH_PROVIDER:
        _withdraw_live(action, organisation_id)
    elif purpose is ConsentPurpose.CONTACT:
        end_survey_links(action.session, action.referral.person_id, at=action.at)
        _stop_contact(action)
        hold_other_referrals(action)
    elif purpose is ConsentPurpose.SURVEY:
        end_survey_links(action.session, action.referral.person_id, at=action.at)


def _withdraw_live(action: ReferralAction, provider_id: UUID | None) -> None:
    """On every record of the person, as the service: a no holds for a referral too that the actor may not see."""
    live = select(OnwardReferral.id).where(
        is_record_of(OnwardReferral.person_id, action.referral.person_id),
        OnwardReferral.provider_id == provider_id,
        OnwardReferral.state.in_(LIVE_ONWARD_STATES),
        # What rests on a senior caseworker's yes that is in force does not rest on the person's.
        rests_on_own_answer(times.london_date(action.at)),
    )
    session = action.session
    with as_service(session):
        for onward_id in session.scalars(live.order_by(OnwardReferral.id)).all():
            onward_referrals.withdraw_in_transaction(
                session, action.command, onward_id, reason=WithdrawReason.CONSENT_WITHDRAWN
            )


def _stop_contact(action: ReferralAction) -> None:
    referral, reason = action.referral, HeldReason.CONSENT_REFUSED
    changes = CaseFactChanges(conditions={"not_opted_out": False})
    case_facts.update_case_facts(action.session, referral.id, changes, at=action.at)
    if referral.state is ReferralState.HELD or ReferralState.HELD in REFERRAL_TRANSITIONS[referral.state]:
        referral_holds.hold_for(action, {reason, *referral.standing_reasons})
