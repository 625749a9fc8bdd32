"""What becomes of one onward referral when its provider's work goes to a successor, by all that is known by now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.models import Consent, OnwardReferral, Organisation, Person, ProviderService, Referral
from victim_gateway.provider_vocabulary import StayReason
from victim_gateway.queries.onward_referrals.eligibility import gather_eligibility_facts, list_services
from victim_gateway.queries.onward_referrals.handover import (
    HANDOVER,
    gather_handover_source,
    is_sharing_agreed,
    newest_sharing_answer,
)
from victim_gateway.queries.onward_referrals.service_pauses import pauses_in_force
from victim_gateway.rules.consent_answers import parts_beyond_scope
from victim_gateway.rules.eligibility import DirectoryService, assess_service_fit
from victim_gateway.rules.handover import HandoverSource
from victim_gateway.rules.kind_answers import kind_answers_of
from victim_gateway.rules.service_kinds import KIND_RULES
from victim_gateway.rules.succession import SuccessionFacts, reason_to_stay, says_name
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services.onward_referrals._offer_checks import waits_for_own_answer
from victim_gateway.vocabulary import ConsentPurpose, HandoverPart


@dataclass(frozen=True, slots=True)
class SuccessionDecision:
    """What becomes of one onward referral; `stay` None: it goes to the service `target_id`.

    `handover` and `source` are what was opened to decide: what was handed over, and what is known by now; `given` and
    `answer` the person's newest answers to sharing with the old provider and with the successor.
    """

    target_id: UUID | None
    stay: StayReason | None
    handover: dict[str, Any] | None = None
    source: HandoverSource | None = None
    given: Consent | None = None
    answer: Consent | None = None


class SuccessionDecider:
    """Decides about the onward referrals of one succession, on one London date and in one transaction.

    What is the same for all of them, such as the successor's services, is read once.
    """

    def __init__(
        self,
        session: Session,
        *,
        provider_id: UUID,
        successor_id: UUID,
        services: dict[UUID, UUID],
        on: date,
    ) -> None:
        self.session, self.on, self.successor_id, self.services = session, on, successor_id, services
        self.targets = {
            service.id: service for service in list_services(session) if service.provider_id == successor_id
        }
        self.name = session.get_one(Organisation, provider_id).name
        mine = session.scalars(
            select(ProviderService).where(ProviderService.provider_id == provider_id)
        ).all()
        self.kinds = {row.id: row.kind for row in mine}
        self.own_yes = {
            row.id for row in mine if KIND_RULES[row.kind].needs_own_yes or row.takes_explicit_consent_only
        }

    def decide(self, onward: OnwardReferral) -> SuccessionDecision:
        """By the rule of `rules.succession`. As the service."""
        target = self.targets.get(self.services.get(onward.service_id, onward.service_id))
        referral = self.session.get_one(Referral, onward.referral_id)
        person = self.session.get_one(Person, onward.person_id)
        if referral.restricted or person.restricted or person.erased_at is not None:
            return SuccessionDecision(target.id if target else None, StayReason.RESTRICTED)
        source = gather_handover_source(self.session, onward.referral_id, on=self.on)
        key = encrypted_rows.open_key(self.session, onward.key_id)
        handover = encrypted_rows.unseal_row(key, HANDOVER, onward.id, onward.handover_sealed)
        given = newest_sharing_answer(self.session, onward.person_id, onward.provider_id)
        answer = newest_sharing_answer(self.session, onward.person_id, self.successor_id)
        decision = SuccessionDecision(target.id if target else None, None, handover, source, given, answer)
        return replace(decision, stay=reason_to_stay(self._facts(onward, target, decision)))

    def _facts(
        self,
        onward: OnwardReferral,
        target: DirectoryService | None,
        opened: SuccessionDecision,
    ) -> SuccessionFacts:
        session, on = self.session, self.on
        handover, source = opened.handover or {}, opened.source
        given, answer = opened.given if onward.consent_id else None, opened.answer
        return SuccessionFacts(
            has_target=target is not None,
            is_sharing_agreed=is_sharing_agreed(session, onward, on),
            consent_how=given.how if given else None,
            needs_own_yes=self._needs_own_yes(onward, target),
            refused_successor=not answer.agreed if answer is not None else self._was_ever_asked(onward),
            is_yes_limited=any(
                _is_beyond(handover, yes) for yes in (answer, given) if yes is not None and yes.agreed
            ),
            names_provider=says_name(
                [
                    each
                    for each in (*handover.values(), *kind_answers_of(handover).values())
                    if isinstance(each, str)
                ],
                self.name,
            ),
            is_there_already=target is not None and self._is_there(onward, target),
            fits=target is not None and self._fits(onward, target),
            is_paused=target is not None
            and target.id in {pause.service_id for pause in pauses_in_force(session, onward.referral_id, on)},
            waits_for_own_answer=waits_for_own_answer(session, onward.referral_id),
            can_be_handed_over=source is not None and not source.stops and not source.channels_to_complete,
            needs_answers=self._needs_answers(onward, target),
        )

    def _needs_own_yes(self, onward: OnwardReferral, target: DirectoryService | None) -> bool:
        return onward.service_id in self.own_yes or bool(target and target.needs_own_yes)

    def _needs_answers(self, onward: OnwardReferral, target: DirectoryService | None) -> bool:
        """Answers of one kind say nothing to another: what its questions need has to be asked."""
        return bool(
            target and target.kind is not self.kinds[onward.service_id] and target.kind_rules.needs_answers
        )

    def _was_ever_asked(self, onward: OnwardReferral) -> bool:
        ever = exists().where(
            Consent.person_id == onward.person_id,
            Consent.purpose == ConsentPurpose.SHARE_WITH_PROVIDER,
            Consent.recipient_organisation_id == self.successor_id,
        )
        return bool(self.session.scalar(select(ever)))

    def _fits(self, onward: OnwardReferral, target: DirectoryService) -> bool:
        facts = gather_eligibility_facts(self.session, onward.referral_id, self.on)
        return assess_service_fit(target, facts, self.on).fits

    def _is_there(self, onward: OnwardReferral, target: DirectoryService) -> bool:
        """Two of its services may go to one of the successor's: the second of one referral is there already."""
        there = exists().where(
            OnwardReferral.referral_id == onward.referral_id,
            OnwardReferral.service_id == target.id,
            OnwardReferral.state.in_(LIVE_ONWARD_STATES),
        )
        return bool(self.session.scalar(select(there)))


def _is_beyond(handover: dict[str, Any], yes: Consent) -> bool:
    return bool(
        parts_beyond_scope(
            [HandoverPart(part) for part in handover["parts"]],
            [HandoverPart(part) for part in yes.scope or ()],
        )
    )
