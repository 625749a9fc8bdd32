"""What an offer rests on: the person's yes to one provider, new or on record, or a senior caseworker's instead."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import Consent, Referral, SharingOverride
from victim_gateway.queries.onward_referrals.handover import newest_sharing_answer
from victim_gateway.queries.onward_referrals.sharing_overrides import override_in_force
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.consent_answers import parts_beyond_scope
from victim_gateway.rules.eligibility import DirectoryService
from victim_gateway.rules.kind_answers import is_own_yes
from victim_gateway.rules.service_kinds import OWN_YES
from victim_gateway.services.onward_referrals._offer_checks import is_own_answer
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.newer_refusals import refuse_outdated_yes
from victim_gateway.vocabulary import ConsentHow, ConsentPurpose, HandoverPart


@dataclass(frozen=True, slots=True)
class SharingConsent:
    """The person's answer to sharing with this provider, as it was just obtained."""

    agreed: bool
    how: ConsentHow
    given_at: datetime


def settle_sharing_consent(
    session: Session,
    command: Command,
    referral: Referral,
    service: DirectoryService,
    given: SharingConsent | None,
) -> Consent:
    """The recorded yes for this provider; what was just obtained is written down first.

    Of all the records of the person, the newest counts. Whoever changes one holds the person's referrals.
    """
    in_force = newest_sharing_answer(session, referral.person_id, service.provider_id)
    if given is None or not given.agreed:
        if in_force is not None and in_force.agreed and given is None:
            _refuse_yes_of_others(service, in_force)
            return in_force
        message = (
            f"Ask the person first: without their yes nothing may be shared with {service.provider_name}."
        )
        raise InvalidInput(message, fields={"agreed": message})
    if given.given_at > command.at:
        message = "When they agreed must be today or in the past"
        raise InvalidInput(message, fields={"given_on": message})
    if service.needs_own_yes and not is_own_yes(given.how):
        raise InvalidInput(OWN_YES, fields={"how": OWN_YES})
    if in_force is not None and in_force.agreed and _is_enough(service, in_force):
        return in_force
    refuse_outdated_yes(
        session,
        referral.person_id,
        ConsentPurpose.SHARE_WITH_PROVIDER,
        given.given_at,
        recipient_organisation_id=service.provider_id,
    )
    # A no that became a yes, or another's word that became their own: the old answer is closed, never edited. That of
    # another record stays with it.
    session.execute(
        update(Consent)
        .where(
            Consent.person_id == referral.person_id,
            Consent.purpose == ConsentPurpose.SHARE_WITH_PROVIDER,
            Consent.recipient_organisation_id == service.provider_id,
            Consent.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=command.at, withdrawn_by_id=command.actor.user_id)
    )
    answer = Consent(
        id=new_row_id(),
        person_id=referral.person_id,
        referral_id=referral.id,
        purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
        recipient_organisation_id=service.provider_id,
        agreed=True,
        how=given.how,
        given_at=given.given_at,
        recorded_at=command.at,
        recorded_by_id=command.actor.user_id,
    )
    session.add(answer)
    session.flush()
    return answer


def _refuse_yes_of_others(service: DirectoryService, answer: Consent) -> None:
    if not _is_enough(service, answer):
        raise InvalidInput(OWN_YES, fields={"agreed": OWN_YES})


def _is_enough(service: DirectoryService, answer: Consent) -> bool:
    """Whether a yes on record is one that this service can go by."""
    return not service.needs_own_yes or is_own_answer(answer)


def require_override(
    session: Session, referral: Referral, service: DirectoryService, on: date
) -> SharingOverride:
    """What stands for the person's yes. Raises TransitionNotAllowed without it; never for restorative justice."""
    if service.is_restorative:
        raise TransitionNotAllowed("Restorative justice is never offered without the person's own yes.")
    if service.needs_own_yes:
        raise TransitionNotAllowed(f"{service.name} takes people only with their own explicit yes.")
    newest = newest_sharing_answer(session, referral.person_id, service.provider_id)
    if newest is not None and newest.agreed and not newest.scope:
        raise TransitionNotAllowed(
            "The person has said yes to this provider since you opened the page. Refer them on with that."
        )
    override = override_in_force(session, referral.id, service.provider_id, on)
    if override is None:
        raise TransitionNotAllowed(
            f"No senior caseworker's yes to sharing with {service.provider_name} without consent is in force."
        )
    return override


def check_scope(share: Collection[HandoverPart], answer: Consent) -> None:
    beyond = parts_beyond_scope(share, [HandoverPart(part) for part in answer.scope or ()])
    if beyond:
        message = (
            "The person's yes does not reach all of this. Share less, or ask them and record a new answer."
        )
        raise InvalidInput(message, fields={"share": message})
