"""A person is offered to a provider only with their yes, and only what was chosen goes."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from tests.integration.onward_referrals.arrange import (
    EVERYTHING,
    MORNING,
    YES,
    a_provider,
    a_referral,
    events_of,
    offered,
    onward_row,
    referral_row,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import (
    AlreadyDone,
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleVersion,
    TransitionNotAllowed,
    UnsafeContact,
)
from victim_gateway.models import AuditEntry, Consent, EntitlementClock, OnwardReferral, Referral
from victim_gateway.provider_vocabulary import AnswerUnit
from victim_gateway.queries.onward_referrals.detail import onward_referral_view
from victim_gateway.queries.onward_referrals.handover import HANDOVER, SAFE_CONTACT
from victim_gateway.rules.handover import HandoverText, gives_safe_channel
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import SharingConsent
from victim_gateway.services.referrals import corrections
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    ConsentHow,
    HandoverPart,
    NextAction,
    OnwardState,
    ReferralState,
    Role,
    SafeAnswer,
    WaitingOn,
)


def test_an_offer_opens_the_providers_clock_and_moves_the_referral_to_supported(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    onward_id = offered(caseworker, a_provider(owner, make_actor))

    onward, referral = onward_row(owner, onward_id), referral_row(owner, onward_id)
    assert onward.state is OnwardState.OFFERED
    assert onward.reference == f"{referral.reference}-1"
    # Tuesday plus two working days.
    assert onward.answer_due_on == date(2026, 7, 16)
    assert referral.state is ReferralState.SUPPORTED
    assert (referral.next_action, referral.waiting_on) == (NextAction.WAIT_FOR_PROVIDER, WaitingOn.PROVIDER)
    assert referral.next_due_on == date(2026, 7, 16)
    with owner() as session:
        clock = session.scalars(
            select(EntitlementClock).where(EntitlementClock.referral_id == referral.id)
        ).one()
        assert (clock.entitlement_id, clock.subject) == ("provider_response", onward.reference)
        assert clock.provider_id == onward.provider_id
    assert [(e.event, e.kind.value, e.to_state) for e in events_of(owner, onward_id)] == [
        ("onward_referral_offered", "local", "offered")
    ]


def test_an_offer_is_written_down_in_the_audit(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    onward_id = offered(caseworker, a_provider(owner, make_actor))

    with owner() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.subject_id == onward_id)).one()
    assert entry.action == "onward_referral.offered"
    assert "Wilma" not in entry.entry


def test_without_a_recorded_yes_nothing_is_offered(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given, referral_id = a_provider(owner, make_actor), a_referral(caseworker)
    no = SharingConsent(agreed=False, how=ConsentHow.SPOKEN, given_at=MORNING)

    for answer in (None, no):
        with pytest.raises(InvalidInput) as refusal:
            _offer(caseworker, referral_id, given.service_id, consent=answer)
        assert "agreed" in refusal.value.fields
    with owner() as session:
        assert session.scalars(select(OnwardReferral.id)).all() == []


def test_a_yes_for_one_provider_is_no_yes_for_another(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    first, second = a_provider(owner, make_actor, "new-era"), a_provider(owner, make_actor, "rj-hub")
    referral_id = a_referral(caseworker)
    _offer(caseworker, referral_id, first.service_id, consent=YES)

    with pytest.raises(InvalidInput, match="Ask the person first"):
        _offer(caseworker, referral_id, second.service_id, consent=None)


def test_a_recorded_yes_serves_a_second_service_of_the_same_provider(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    first, second = a_provider(owner, make_actor), a_provider(owner, make_actor)
    referral_id = a_referral(caseworker)
    _offer(caseworker, referral_id, first.service_id, consent=YES)

    onward_id = _offer(caseworker, referral_id, second.service_id, consent=None)

    assert onward_row(owner, onward_id).reference.endswith("-2")
    with owner() as session:
        assert len(session.scalars(select(Consent)).all()) == 1


def test_a_no_that_became_a_yes_keeps_both_answers(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given, referral_id = a_provider(owner, make_actor), a_referral(caseworker)
    person_id = _person_of(owner, referral_id)
    with transaction(caseworker) as session:
        session.add(
            Consent(
                person_id=person_id,
                referral_id=referral_id,
                purpose="share_with_provider",
                recipient_organisation_id=given.provider.organisation_id,
                agreed=False,
                how=ConsentHow.SPOKEN,
                given_at=MORNING - timedelta(days=3),
                recorded_at=MORNING - timedelta(days=3),
            )
        )

    _offer(caseworker, referral_id, given.service_id, consent=YES)

    with owner() as session:
        answers = session.scalars(select(Consent).order_by(Consent.given_at)).all()
    assert [(answer.agreed, answer.withdrawn_at is not None) for answer in answers] == [
        (False, True),
        (True, False),
    ]


def test_a_yes_from_tomorrow_is_refused(caseworker: Actor, owner: Owner, make_actor: MakeActor) -> None:
    tomorrow = SharingConsent(agreed=True, how=ConsentHow.SPOKEN, given_at=MORNING + timedelta(days=1))

    with pytest.raises(InvalidInput) as refusal:
        _offer(caseworker, a_referral(caseworker), a_provider(owner, make_actor).service_id, consent=tomorrow)

    assert refusal.value.fields == {"given_on": "When they agreed must be today or in the past"}


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"districts": ["Tamworth"]}, "It is for people who live in Tamworth only."),
        ({"victim_types": ["business"]}, "It is for businesses only."),
        ({"min_age": 60}, "It is for people aged 60 or over."),
        ({"max_age": 17}, "It is for people aged 17 or under."),
        ({"active_until": date(2026, 7, 13)}, "New Era ended on 13 July 2026."),
        ({"active_from": date(2026, 7, 15)}, "New Era starts on 15 July 2026."),
    ],
)
def test_a_service_that_does_not_fit_is_refused_with_the_reason(
    caseworker: Actor, owner: Owner, make_actor: MakeActor, limits: dict[str, object], reason: str
) -> None:
    given = a_provider(owner, make_actor, **limits)  # type: ignore[arg-type]

    with pytest.raises(InvalidInput) as refusal:
        _offer(caseworker, a_referral(caseworker), given.service_id, consent=YES)

    assert refusal.value.message == reason
    assert "service" in refusal.value.fields


def test_a_service_that_answers_faster_than_the_area_asks_is_held_to_its_own_word(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    standards = ((None, None), (1, AnswerUnit.HOURS), (30, AnswerUnit.WORKING_DAYS))
    due = [
        onward_row(
            owner,
            offered(
                caseworker,
                a_provider(owner, make_actor, answer_within=amount, answer_unit=unit),
            ),
        ).answer_due_on
        for amount, unit in standards
    ]

    assert due[1] == times.london_date(MORNING)
    # A slower one prolongs nothing.
    assert due[0] is not None and due[0] == due[2] > due[1]


def test_one_service_is_not_offered_the_same_referral_twice(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given, referral_id = a_provider(owner, make_actor), a_referral(caseworker)
    _offer(caseworker, referral_id, given.service_id, consent=YES)

    with pytest.raises(InvalidInput, match="already referred on"):
        _offer(caseworker, referral_id, given.service_id, consent=None)


@pytest.mark.parametrize("state", [ReferralState.RECEIVED, ReferralState.ASSIGNED, ReferralState.IN_CONTACT])
def test_only_a_triaged_person_is_referred_on(
    caseworker: Actor, owner: Owner, make_actor: MakeActor, state: ReferralState
) -> None:
    given = a_provider(owner, make_actor)

    with pytest.raises(TransitionNotAllowed, match="triage assessment first"):
        _offer(caseworker, a_referral(caseworker, state=state), given.service_id, consent=YES)


def test_what_was_chosen_and_what_protects_the_person_is_handed_over(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given = a_provider(owner, make_actor)
    chosen = (HandoverPart.WANTS, HandoverPart.NEEDS)
    texts = HandoverText(
        what_happened="Not for the provider.", wants="To sleep again.", remarks="Ring me first."
    )

    onward = onward_row(owner, offered(caseworker, given, share=chosen, texts=texts))

    document = _opened(given.provider, onward.key_id, HANDOVER, onward.id, onward.handover_sealed)
    need = {"key": "mental_and_physical_health", "label": "Mental and physical health"}
    home = {"key": "shelter_and_accommodation", "label": "Shelter and accommodation"}
    assert document == {
        "parts": ["needs", "risk", "wants"],
        "shared_on": "2026-07-14",
        "risk": "medium",
        "risk_grounds": ["Lives near the person who did it"],
        "harms": ["burglary_and_theft"],
        "domestic_abuse": False,
        "hate_strand": None,
        "is_child": False,
        "interpreter_needed": False,
        "agreed": {"how": "spoken", "given_on": "2026-07-14"},
        "needs": [
            {**need, "step": 3, "words": "Urgent need"},
            {**home, "step": 1, "words": "Some need"},
        ],
        "wants": "To sleep again.",
        "words": "Ring me first.",
    }


def test_how_to_reach_the_person_always_goes_with_only_the_safe_ways(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given = a_provider(owner, make_actor)

    onward = onward_row(owner, offered(caseworker, given, share=()))

    safe = _opened(given.provider, onward.key_id, SAFE_CONTACT, onward.id, onward.safe_contact_sealed)
    assert (safe["safe"], safe["number"], safe["code_word"]) == ("yes", "07700 900123", "bluebell")
    assert "email" not in safe


def test_with_contact_unsafe_no_number_is_handed_over(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given = a_provider(owner, make_actor)
    referral_id = a_referral(caseworker, safe=SafeAnswer.UNKNOWN)

    onward = onward_row(owner, offered(caseworker, given, referral_id=referral_id))

    safe = _opened(given.provider, onward.key_id, SAFE_CONTACT, onward.id, onward.safe_contact_sealed)
    assert safe["safe"] == "unknown"
    assert not {"number", "email", "address"} & safe.keys()


def test_without_a_number_of_its_own_the_plan_sends_the_one_on_record(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given = a_provider(owner, make_actor)
    referral_id = a_referral(caseworker, plan={"channels": {"phone": "yes"}})

    onward = onward_row(owner, offered(caseworker, given, referral_id=referral_id))

    safe = _opened(given.provider, onward.key_id, SAFE_CONTACT, onward.id, onward.safe_contact_sealed)
    assert (safe["channels"], safe["number"]) == ({"phone": "yes"}, "07700 900123")

    # The person loses that number: the provider no longer reads that a call is safe, and has no number.
    command = Command(caseworker, MORNING + timedelta(hours=2))
    corrections.correct_details(command, referral_id, {"phone": None}, reason="It was taken from her")
    onward = onward_row(owner, onward.id)
    safe = _opened(given.provider, onward.key_id, SAFE_CONTACT, onward.id, onward.safe_contact_sealed)
    assert safe["channels"]["phone"] == "unknown"
    assert "number" not in safe
    assert not gives_safe_channel(safe)


def test_an_answer_that_is_too_old_gives_the_provider_no_number(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given = a_provider(owner, make_actor)
    # Asked on the day of the offer: the number goes with it, and is gone from the page four weeks later.
    onward_id = offered(caseworker, given)
    for days, number in ((27, "07700 900123"), (28, None)):
        with transaction(given.provider) as session:
            found = onward_referral_view(
                session,
                onward_id,
                reader_organisation_id=given.provider.organisation_id,
                at=MORNING + timedelta(days=days),
            )
        assert found.safe_contact.get("number") == number
        assert gives_safe_channel(found.safe_contact) is bool(number)

    # Asked long before the offer: nothing is sealed that could be read.
    late = MORNING + timedelta(days=40)
    onward = onward_row(owner, offered(caseworker, given, referral_id=a_referral(caseworker), at=late))
    safe = _opened(given.provider, onward.key_id, SAFE_CONTACT, onward.id, onward.safe_contact_sealed)
    assert (safe["safe"], safe["channels"]["phone"], safe["is_stale"]) == ("unknown", "unknown", True)
    assert "number" not in safe


def test_nothing_is_sent_while_a_way_is_called_safe_that_leads_nowhere(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given = a_provider(owner, make_actor)
    referral_id = a_referral(caseworker, plan={"channels": {"phone": "yes", "email": "yes"}})

    with pytest.raises(UnsafeContact, match="Emails are recorded as safe, but no email address is"):
        offered(caseworker, given, referral_id=referral_id)


def test_the_same_form_twice_offers_once(caseworker: Actor, owner: Owner, make_actor: MakeActor) -> None:
    given, referral_id, form = a_provider(owner, make_actor), a_referral(caseworker), uuid4()
    _offer(caseworker, referral_id, given.service_id, consent=YES, submission_id=form)

    with pytest.raises(AlreadyDone):
        _offer(caseworker, referral_id, given.service_id, consent=YES, submission_id=form)


def test_a_stale_page_offers_nothing(caseworker: Actor, owner: Owner, make_actor: MakeActor) -> None:
    first, second = a_provider(owner, make_actor, "new-era"), a_provider(owner, make_actor, "rj-hub")
    referral_id = a_referral(caseworker)
    _offer(caseworker, referral_id, first.service_id, consent=YES, version=1)

    with pytest.raises(StaleVersion):
        _offer(caseworker, referral_id, second.service_id, consent=YES, version=1)


def test_a_provider_can_not_offer_and_a_stranger_finds_nothing(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given, referral_id = (
        a_provider(owner, make_actor),
        a_referral(caseworker, restricted_to=caseworker.user_id),
    )
    with pytest.raises(NotAllowed):
        _offer(given.provider, referral_id, given.service_id, consent=YES)
    with pytest.raises(NotFound):
        _offer(make_actor(Role.CASEWORKER), referral_id, given.service_id, consent=YES)
    with pytest.raises(NotFound):
        _offer(caseworker, referral_id, uuid4(), consent=YES)


def _offer(actor, referral_id, service_id, **more):  # type: ignore[no-untyped-def]
    asked = {name: more.pop(name) for name in ("submission_id", "version") if name in more}
    command = Command(actor, more.pop("at", MORNING), **asked)
    offer = {"share": EVERYTHING, "texts": HandoverText(), **more}
    return onward_referrals.offer_onward_referral(
        command, referral_id, onward_referrals.OfferToProvider(service_id=service_id, **offer)
    )


def _opened(actor, key_id, table, row_id, sealed):  # type: ignore[no-untyped-def]
    with transaction(actor) as session:
        return encrypted_rows.unseal_row(encrypted_rows.open_key(session, key_id), table, row_id, sealed)


def _person_of(owner, referral_id):  # type: ignore[no-untyped-def]
    with owner() as session:
        return session.get_one(Referral, referral_id).person_id
