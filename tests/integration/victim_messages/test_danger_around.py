"""What is known elsewhere shuts the gate too: the offence, MARAC, other people's plans, a suspect's other spellings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from tests.factories import casework as make
from tests.factories import victim_messages as messages
from tests.factories.casework import HOUR
from tests.integration.victim_messages.test_gate import LATER, STATE, claim, person_of
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import UnsafeContact
from victim_gateway.models import Referral
from victim_gateway.rules.marac import MaracReason
from victim_gateway.rules.safe_contact import CHANNELS_OF_DETAIL
from victim_gateway.services.referrals import marac, person_links
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.shared.command import Command
from victim_gateway.services.victim_messages import asking
from victim_gateway.services.victim_messages.claims import ClaimOutcome
from victim_gateway.victim_message_vocabulary import MessageRefusal
from victim_gateway.vocabulary import Channel, LinkRole, Risk, SafeAnswer, TaskKind

pytestmark = pytest.mark.usefixtures("app")
OFFENCES = (
    "Stalking",
    "Harassment",
    "Non-fatal strangulation",
    "Breach of restraining order",
    "Threats to kill",
)


def offer_of(referral_id: UUID, caseworker: Actor, channel: Channel = Channel.SMS) -> asking.MessageOffer:
    with transaction(caseworker) as session:
        offers = asking.offered_messages(session, session.get_one(Referral, referral_id), at=LATER)
    return next(each for each in offers if each.channel is channel and each.kind is messages.TRIED)


@pytest.mark.parametrize("risk", [Risk.STANDARD, Risk.MEDIUM])
@pytest.mark.parametrize("offence", OFFENCES)
def test_after_such_an_offence_the_warning_comes_first_at_any_risk(
    caseworker: Actor, offence: str, risk: Risk
) -> None:
    referral_id = messages.missed(caseworker, at=LATER, offence=offence, risk=risk)
    assert offer_of(referral_id, caseworker).needs_warning
    messages.ask(referral_id, caseworker, at=LATER, is_warning_confirmed=True)
    assert claim().outcome is ClaimOutcome.CLAIMED


@pytest.mark.parametrize("change", ["risk", "mark", "offence"])
def test_what_became_dangerous_while_it_waited_leaves_a_task(
    caseworker: Actor, owner: Owner, change: str
) -> None:
    referral_id = messages.missed(caseworker, at=LATER)
    message_id = messages.ask(referral_id, caseworker, at=LATER)
    values = {
        "risk": {"risk": Risk.HIGH},
        "mark": {"domestic_abuse": True},
        "offence": {"offence": "Stalking"},
    }
    with owner() as session:
        session.execute(update(Referral).where(Referral.id == referral_id).values(**values[change]))
    assert claim().outcome is ClaimOutcome.NOT_SENT
    assert messages.message(message_id, owner).refusal is MessageRefusal.NOT_CONFIRMED
    assert TaskKind.MESSAGE_TO_PERSON in make.open_tasks(referral_id, caseworker)


def as_before(plan: SafeContactAnswer) -> SafeContactAnswer:
    """The numbers and addresses are those on record."""
    return replace(plan, same_details=tuple(CHANNELS_OF_DETAIL))


def refer_to_marac(referral_id: UUID, caseworker: Actor) -> None:
    answer = marac.MaracAnswer(
        is_referred=True,
        decided_on=LATER.date(),
        reasons=(next(iter(MaracReason)),),
        text="x",
        meeting_on=None,
    )
    marac.decide_marac(Command(caseworker, LATER - HOUR), referral_id, answer)


def test_marac_protects_the_referral_and_every_other_of_the_person(caseworker: Actor, owner: Owner) -> None:
    referral_id = messages.missed(caseworker, at=LATER)
    refer_to_marac(referral_id, caseworker)
    assert offer_of(referral_id, caseworker).needs_warning

    first = messages.missed(caseworker, at=LATER)
    second = make.assessed(caseworker, at=LATER - 2 * HOUR, person_id=person_of(first, owner))
    refer_to_marac(second, caseworker)
    assert offer_of(first, caseworker).refusal is MessageRefusal.OTHER_REFERRAL


@pytest.mark.parametrize(
    ("channel", "shared", "unsafe"),
    [
        (Channel.SMS, {"phone": "07700 900555"}, "sms"),
        (Channel.SMS, {"phone": "07700 900555"}, "phone"),
        (Channel.EMAIL, {"email": "shared@example.org"}, "email"),
    ],
)
def test_what_anothers_plan_calls_unsafe_lets_nothing_leave(
    caseworker: Actor, owner: Owner, channel: Channel, shared: dict[str, str], unsafe: str
) -> None:
    daughter = messages.missed(caseworker, at=LATER, person=make.person_document(**shared))
    message_id = messages.ask(daughter, caseworker, at=LATER, channel=channel)
    mother = make.in_contact(caseworker, person=make.person_document(**shared), at=LATER - 3 * HOUR)
    said = {"phone": SafeAnswer.YES, "sms": SafeAnswer.YES, "email": SafeAnswer.YES} | {unsafe: SafeAnswer.NO}
    make.record_plan(mother, caseworker, as_before(messages.safe_to_text(channels=said)), at=LATER)
    assert claim().outcome is ClaimOutcome.NOT_SENT
    assert messages.message(message_id, owner).refusal is MessageRefusal.UNSAFE_FOR_ANOTHER
    assert TaskKind.MESSAGE_TO_PERSON in make.open_tasks(daughter, caseworker)


def test_a_number_that_stands_only_in_anothers_plan_counts_too(caseworker: Actor, owner: Owner) -> None:
    daughter = messages.missed(caseworker, at=LATER, person=make.person_document(phone="07700 900558"))
    messages.ask(daughter, caseworker, at=LATER)
    mother = make.in_contact(caseworker, at=LATER - 3 * HOUR)
    said = {"phone": SafeAnswer.YES, "sms": SafeAnswer.NO}
    make.record_plan(
        mother, caseworker, messages.safe_to_text(channels=said, number="+44 7700 900558"), at=LATER
    )
    assert claim().outcome is ClaimOutcome.NOT_SENT


def test_a_number_that_is_safe_for_another_too_may_be_used(caseworker: Actor) -> None:
    shared = {"phone": "07700 900556"}
    daughter = messages.missed(caseworker, at=LATER, person=make.person_document(**shared))
    mother = make.in_contact(caseworker, person=make.person_document(**shared), at=LATER - 3 * HOUR)
    make.record_plan(mother, caseworker, as_before(messages.safe_to_text()), at=LATER - HOUR)
    messages.ask(daughter, caseworker, at=LATER)
    assert claim().outcome is ClaimOutcome.CLAIMED


def test_a_suspects_number_of_anybody_lets_nothing_leave(caseworker: Actor, owner: Owner) -> None:
    victim = messages.missed(caseworker, at=LATER, person=make.person_document(phone="07700 900557"))
    messages.ask(victim, caseworker, at=LATER)
    unlinked = make.in_contact(caseworker, at=LATER - 3 * HOUR)
    person_links.record_suspect_contact(
        Command(caseworker, LATER - timedelta(minutes=5)),
        person_of(unlinked, owner),
        phone="07700 9OO557",
        email=None,
        whose=LinkRole.SUSPECT,
    )
    assert claim().outcome is ClaimOutcome.NOT_SENT


@pytest.mark.parametrize(
    ("field", "channel", "spelling"),
    [
        ("phone", Channel.SMS, "077OO 9OO123"),
        ("phone", Channel.SMS, "07700 900I23"),
        ("email", Channel.EMAIL, "robin+x@example.org"),
        ("email", Channel.EMAIL, "robin@example.org."),
        ("email", Channel.EMAIL, "mailto:robin@example.org"),
        ("email", Channel.EMAIL, "Robin <robin@example.org>"),
        ("email", Channel.EMAIL, "\uff52obin@example.org"),
    ],
)
@pytest.mark.parametrize("is_linked", [False, True])
def test_a_suspects_contact_is_known_in_other_spellings(
    caseworker: Actor, owner: Owner, field: str, channel: Channel, spelling: str, is_linked: bool
) -> None:
    own = {"phone": "07700 900123", "email": "robin@example.org"}
    victim = messages.missed(caseworker, at=LATER, person=make.person_document(**own))
    message_id = messages.ask(victim, caseworker, at=LATER, channel=channel)
    person_id, command = person_of(victim, owner), Command(caseworker, LATER - timedelta(minutes=5))
    if is_linked:
        suspect = make.in_contact(
            caseworker, person=make.person_document(**{field: spelling}), at=LATER - 3 * HOUR
        )
        reference = make.referral(suspect, caseworker).reference
        person_links.record_link(command, person_id, other_reference=reference, role=LinkRole.SUSPECT)
    else:
        said = {"phone": None, "email": None} | {field: spelling}
        person_links.record_suspect_contact(command, person_id, whose=LinkRole.SUSPECT, **said)
    assert messages.state_of(message_id, owner) is STATE.CANCELLED
    assert offer_of(victim, caseworker, channel).refusal is not None
    with pytest.raises(UnsafeContact):
        messages.ask(victim, caseworker, at=LATER, channel=channel)


def test_a_linked_victim_is_not_called_a_person_whom_nobody_may_help(caseworker: Actor, owner: Owner) -> None:
    suspect = make.in_contact(caseworker, at=LATER - 3 * HOUR)
    victim = messages.missed(caseworker, at=LATER)
    person_links.record_link(
        Command(caseworker, LATER),
        person_of(victim, owner),
        other_reference=make.referral(suspect, caseworker).reference,
        role=LinkRole.SUSPECT,
    )
    offer = offer_of(victim, caseworker)
    assert offer.refusal is not None
    assert "Do not contact" not in asking.explain_refusal(offer.kind, offer.refusal)
