"""Asking for a message to a person by hand, agreeing to one, and deciding about one that is stuck.

Asking passes the whole gate but for the template, which is looked at when it is sent, and the hour, for which it waits.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_blind_index, current_settings
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import (
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleVersion,
    TransitionNotAllowed,
    UnsafeContact,
)
from victim_gateway.models import Referral, VictimMessage
from victim_gateway.queries.people.safe_contact_plans import describe_plan_origin
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.victim_message_gate import (
    NEVER_AFTER_ABUSE,
    VictimMessageFacts,
    needs_care,
    needs_seniors_yes,
    next_leaving,
    refusal_text,
    refuse_message,
)
from victim_gateway.rules.victim_message_recipients import Recipient, number_ending
from victim_gateway.rules.victim_message_texts import CHANNELS_OF_KIND
from victim_gateway.services.referrals import surveys
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    referral_action,
)
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command
from victim_gateway.services.victim_messages import sent_surveys, settling
from victim_gateway.services.victim_messages.carriers import current_carriers, text_of_kind
from victim_gateway.services.victim_messages.gate_facts import (
    MessageSubject,
    SharedFacts,
    hash_recipient,
    judge_message,
    open_subject,
    read_shared_facts,
)
from victim_gateway.victim_message_vocabulary import MessageRefusal, VictimMessageKind, VictimMessageState
from victim_gateway.vocabulary import Channel, SurveyStage, TaskName

REFERENCE_BYTES = 24
ASKED_FOR_BY_HAND = (
    VictimMessageKind.TRIED_TO_REACH,
    VictimMessageKind.SURVEY,
    VictimMessageKind.RIGHTS_LETTER,
)
# How long what it says is worth saying.
GOOD_FOR = {
    VictimMessageKind.TRIED_TO_REACH: timedelta(days=2),
    VictimMessageKind.SURVEY: timedelta(days=3),
    VictimMessageKind.RIGHTS_LETTER: timedelta(days=7),
}
_NO_DETAIL_HASH = bytes(16)
_CONFIRM = "Say that it is safe, or do not send it"
_STATE = VictimMessageState
_OPEN = (_STATE.QUEUED, _STATE.SENDING, _STATE.PERHAPS_SENT, _STATE.PARKED)


@dataclass(frozen=True, slots=True)
class WantedMessage:
    """What a caseworker asks for. `stage` and `checked` are of a survey: its link is a logged contact."""

    kind: VictimMessageKind
    channel: Channel
    is_warning_confirmed: bool = False
    stage: SurveyStage | None = None
    checked: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class MessageOffer:
    """Whether a message can be asked for now: why not, or what it needs, and when it would leave."""

    kind: VictimMessageKind
    channel: Channel
    refusal: MessageRefusal | None
    needs_warning: bool
    needs_senior: bool
    leaves_at: datetime | None


def ask_for_message(command: Command, referral_id: UUID, wanted: WantedMessage) -> UUID:
    """Ask for a message; it leaves at the person's next safe time, if it is still safe then. Gives its id.

    The command's version is that of the safe-contact plan the user saw. Raises StaleVersion where another is in force,
    UnsafeContact with the reason where the gate is shut, TransitionNotAllowed where one of the kind waits already.
    """
    if wanted.kind not in ASKED_FOR_BY_HAND or wanted.channel not in CHANNELS_OF_KIND[wanted.kind]:
        raise InvalidInput("There is no such message", fields={"channel": "Choose one of the messages"})
    with referral_action(
        command,
        referral_id,
        lock=LockScope.PERSON_REFERRALS,
        effect=ActionEffect.EVENTS_ONLY,
        version_is_of_referral=False,
    ) as action:
        action.require_person()
        subject = open_subject(action.session, action.referral)
        if command.version != (subject.plan.version if subject.plan else 0):
            raise StaleVersion(describe_plan_origin(action.session, subject.plan))
        _refuse_second(action, wanted.kind)
        message = new_message(subject, wanted.kind, wanted.channel, at=action.at)
        message.asked_by_id, message.is_by_hand = action.actor.user_id, True
        message.warned_at = action.at if wanted.is_warning_confirmed else None
        if wanted.kind is VictimMessageKind.SURVEY:
            _make_survey(action, message, wanted)
        recipient, facts = judge_as_asked(action.session, message, subject, at=action.at)
        address_message(action.session, message, subject, recipient, checked=wanted.checked)
        refusal = refuse_message(facts)
        if refusal is MessageRefusal.NOT_CONFIRMED:
            raise InvalidInput(_CONFIRM, fields={"is_warned": _CONFIRM})
        if refusal not in (None, MessageRefusal.SENIOR_NEEDED, MessageRefusal.OUTSIDE_WINDOW):
            raise UnsafeContact(explain_refusal(wanted.kind, refusal))
        _schedule(message, facts, refusal, at=action.at)
        action.session.add(message)
        action.session.flush()
        _note(action, message, "asked")
        if refusal is MessageRefusal.SENIOR_NEEDED:
            _ask_senior(action, message)
        else:
            with as_service(action.session):
                enqueue_task(action.session, TaskName.SEND_VICTIM_MESSAGE, action.at)
    return message.id


def agree_to_message(command: Command, referral_id: UUID, message_id: UUID) -> None:
    """Another person, a senior caseworker, agrees to a message at high risk; it then waits for the next safe time.

    Raises NotAllowed for another role or the one who asked, TransitionNotAllowed where it does not wait for a yes.
    """
    if not is_permitted(command.actor.role, Permission.LOOSEN_PROTECTION):
        raise NotAllowed("Only a senior caseworker can agree to a message at high risk.")
    with _decision(command, referral_id) as action:
        message = _message_of(action, message_id)
        if message.asked_by_id == action.actor.user_id:
            raise NotAllowed("Another senior caseworker has to agree to a message that you asked for.")
        if message.state is not _STATE.QUEUED or message.agreed_at is not None:
            raise TransitionNotAllowed("This message does not wait for a yes any more.")
        message.agreed_at, message.agreed_by_id = action.at, action.actor.user_id
        subject = open_subject(action.session, action.referral)
        _, facts = _judge(action.session, message, subject, at=action.at)
        _schedule(message, facts, None, at=action.at)
        action.session.flush()
        settling.finish_message_task(action.session, message.id, at=action.at)
        _note(action, message, "agreed")
        enqueue_task(action.session, TaskName.SEND_VICTIM_MESSAGE, action.at)


def try_message_again(command: Command, referral_id: UUID, message_id: UUID) -> None:
    """A person decides that a message which is stuck is tried again; it passes the whole gate anew.

    Raises TransitionNotAllowed where it is not stuck, or where its time is over.
    """
    with _decision(command, referral_id) as action:
        message = _message_of(action, message_id)
        if message.state not in (_STATE.PARKED, _STATE.PERHAPS_SENT):
            raise TransitionNotAllowed("This message is not waiting for a decision any more.")
        if message.expires_at <= action.at:
            raise TransitionNotAllowed("Its time is over. Reach the person otherwise.")
        message.deliveries, message.problem, message.next_try_at = 0, None, action.at
        message.settled_by_id = action.actor.user_id
        settling.change_message_state(action.session, message, _STATE.QUEUED, at=action.at, decided="again")
        settling.finish_message_task(action.session, message.id, at=action.at)
        enqueue_task(action.session, TaskName.SEND_VICTIM_MESSAGE, action.at)


def give_message_up(
    command: Command, referral_id: UUID, message_id: UUID, *, has_arrived: bool = False
) -> None:
    """A person decides that a message is not sent (again). Unless it has arrived, the task to reach them stays open.

    Raises TransitionNotAllowed where it has left, or has ended.
    """
    with _decision(command, referral_id) as action:
        message = _message_of(action, message_id)
        if has_arrived and message.state is not _STATE.PERHAPS_SENT:
            raise TransitionNotAllowed("Only of a message that was perhaps sent can you say that it arrived.")
        if message.state not in (_STATE.QUEUED, _STATE.PARKED, _STATE.PERHAPS_SENT):
            raise TransitionNotAllowed("This message has left, or has ended already.")
        was_stuck = message.state is not _STATE.QUEUED
        message.settled_by_id = action.actor.user_id
        message.accepted_at = action.at if has_arrived else None
        following = _STATE.ACCEPTED if has_arrived else _STATE.CANCELLED
        settling.change_message_state(
            action.session, message, following, at=action.at, decided=following.value
        )
        if has_arrived:
            sent_surveys.log_sent_survey(action.session, message, at=action.at)
        if has_arrived or not was_stuck:
            settling.finish_message_task(action.session, message.id, at=action.at)


def offered_messages(session: Session, referral: Referral, *, at: datetime) -> list[MessageOffer]:
    """What can be asked for now by hand, and why not: for the page. Reads as the service, and writes nothing."""
    subject = open_subject(session, referral)
    with as_service(session), session.no_autoflush:
        shared = read_shared_facts(session, subject)
        standing = surveys.survey_standing(session, referral, subject.person, subject.key, at=at)
        can_be_surveyed = not (standing.refusal or standing.no_link) and bool(standing.stages)
        return [
            _offer(kind, _judge_offer(session, subject, kind, channel, at, shared), can_be_surveyed)
            for kind in ASKED_FOR_BY_HAND
            for channel in CHANNELS_OF_KIND[kind]
        ]


def explain_refusal(kind: VictimMessageKind, refusal: MessageRefusal) -> str:
    """Why not, and what to do instead."""
    text = refusal_text(kind, refusal)
    return f"{text.reason} {text.instead}"


def new_message(
    subject: MessageSubject, kind: VictimMessageKind, channel: Channel, *, at: datetime
) -> VictimMessage:
    """A message that was not judged yet, with a random reference; to nobody so far."""
    text = text_of_kind(current_settings(), kind, channel)
    message_id = new_row_id()
    return VictimMessage(
        id=message_id,
        kind=kind,
        channel=channel,
        referral_id=subject.referral.id,
        person_id=subject.person.id,
        plan_version=subject.plan.version if subject.plan else 0,
        detail_hash=_NO_DETAIL_HASH,
        sealed=encrypted_rows.seal_row(subject.key, "victim_message", message_id, {}),
        template_code=text.code if text else f"{kind.value}.{channel.value}",
        reference=secrets.token_urlsafe(REFERENCE_BYTES),
        state=_STATE.QUEUED,
        is_by_hand=False,
        asked_at=at,
        not_before=at,
        next_try_at=at,
        expires_at=at + GOOD_FOR.get(kind, timedelta(days=1)),
        deliveries=0,
    )


def _judge(
    session: Session, message: VictimMessage, subject: MessageSubject, *, at: datetime
) -> tuple[Recipient | None, VictimMessageFacts]:
    """The facts, of the number or address as it is now: the one that is asked for."""
    with as_service(session), session.no_autoflush:
        judged = judge_message(session, message, subject, current_carriers(current_settings()), at=at)
    return judged.recipient, judged.facts


def judge_as_asked(
    session: Session, message: VictimMessage, subject: MessageSubject, *, at: datetime
) -> tuple[Recipient | None, VictimMessageFacts]:
    """To whom a new message would go, and its facts but for what is looked at only when it is sent."""
    recipient, facts = _judge(session, message, subject, at=at)
    return recipient, _as_asked(facts)


def _as_asked(facts: VictimMessageFacts) -> VictimMessageFacts:
    """What is looked at only when it is sent: the template; and the number is the one that is asked for now."""
    return replace(facts, is_template_approved=True, has_same_detail=facts.has_detail)


def address_message(
    session: Session,
    message: VictimMessage,
    subject: MessageSubject,
    recipient: Recipient | None,
    *,
    checked: Collection[str] = (),
) -> None:
    """Bind a new message to the very number or address that was judged, by its keyed hash."""
    if recipient is not None:
        message.detail_hash = hash_recipient(current_blind_index(session), recipient)
        ending = {"ending": number_ending(recipient), "checked": sorted(checked)}
        message.sealed = encrypted_rows.seal_row(subject.key, "victim_message", message.id, ending)


def _schedule(
    message: VictimMessage, facts: VictimMessageFacts, refusal: MessageRefusal | None, *, at: datetime
) -> None:
    """From the next safe time on; never where there is none before it is too late."""
    leaves_at = next_leaving(facts.window, message.channel, at, before=message.expires_at)
    if leaves_at is None:
        raise UnsafeContact(
            "There is no safe time for them before it would be too late. Reach them in a call."
        )
    message.not_before = leaves_at
    # Without a senior's yes it is not due before it expires.
    message.next_try_at = message.expires_at if refusal is MessageRefusal.SENIOR_NEEDED else leaves_at


def _judge_offer(
    session: Session,
    subject: MessageSubject,
    kind: VictimMessageKind,
    channel: Channel,
    at: datetime,
    shared: SharedFacts,
) -> VictimMessageFacts:
    """The facts of a message that a caseworker would ask for, with every yes that it may need."""
    message = new_message(subject, kind, channel, at=at)
    message.is_by_hand, message.warned_at, message.agreed_at = True, at, at
    carriers = current_carriers(current_settings())
    return _as_asked(judge_message(session, message, subject, carriers, at=at, shared=shared).facts)


def _offer(kind: VictimMessageKind, facts: VictimMessageFacts, can_be_surveyed: bool) -> MessageOffer:
    if kind is VictimMessageKind.SURVEY:
        facts = replace(facts, is_right_still=can_be_surveyed)
    refusal = refuse_message(facts)
    is_careful = (
        needs_care(is_protected=facts.is_protected, risk=facts.risk) and kind not in NEVER_AFTER_ABUSE
    )
    expires_at = facts.at + GOOD_FOR[kind]
    return MessageOffer(
        kind=kind,
        channel=facts.channel,
        refusal=None if refusal is MessageRefusal.OUTSIDE_WINDOW else refusal,
        needs_warning=is_careful,
        needs_senior=is_careful and needs_seniors_yes(facts.risk),
        leaves_at=next_leaving(facts.window, facts.channel, facts.at, before=expires_at),
    )


def _make_survey(action: ReferralAction, message: VictimMessage, wanted: WantedMessage) -> None:
    if wanted.stage is None:
        raise InvalidInput(
            "Choose what they are asked about", fields={"stage": "Choose what they are asked about"}
        )
    survey = surveys.add_survey_link(
        action, stage=wanted.stage, channel=wanted.channel, checked=wanted.checked, is_sent=False
    )[0]
    message.survey_id = survey.id


def _refuse_second(action: ReferralAction, kind: VictimMessageKind) -> None:
    waiting = exists().where(
        VictimMessage.referral_id == action.referral.id,
        VictimMessage.kind == kind,
        VictimMessage.state.in_(_OPEN),
    )
    if action.session.scalar(select(waiting)):
        raise TransitionNotAllowed("A message of this kind waits already, or needs a decision.")


def _ask_senior(action: ReferralAction, message: VictimMessage) -> None:
    with as_service(action.session):
        settling.open_message_task(action.session, message, at=action.at)


@contextmanager
def _decision(command: Command, referral_id: UUID) -> Iterator[ReferralAction]:
    """An action on a referral, as part of which the service changes a message: nobody else may."""
    with referral_action(
        command,
        referral_id,
        lock=LockScope.PERSON_REFERRALS,
        effect=ActionEffect.EVENTS_ONLY,
        version_is_of_referral=False,
    ) as action:
        action.require_person()
        with as_service(action.session):
            yield action


def _message_of(action: ReferralAction, message_id: UUID) -> VictimMessage:
    message = action.session.get(VictimMessage, message_id, with_for_update=True, populate_existing=True)
    if message is None or message.referral_id != action.referral.id:
        raise NotFound
    return message


def _note(action: ReferralAction, message: VictimMessage, step: str) -> None:
    codes = {"message_kind": message.kind.value, "channel": message.channel.value}
    action.add_timeline_entry(f"message_to_person.{step}", EventDetails(codes=codes))
    action.record_audit(f"victim_message.{step}", message_id=str(message.id), **codes)
