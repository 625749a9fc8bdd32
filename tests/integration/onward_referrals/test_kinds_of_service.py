"""What the kind of a service asks before an offer: answers, an own yes, two people, nothing of the other side."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from tests.integration.onward_referrals.arrange import (
    ABOUT_RESTORATIVE_JUSTICE,
    MORNING,
    Given,
    a_provider,
    a_referral,
    offered,
    onward_row,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import Consent, ProviderService, RecordedKindStep, Referral
from victim_gateway.offer_vocabulary import OfferGroupMode, OfferHindrance
from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.queries.onward_referrals.detail import onward_referral_view
from victim_gateway.queries.onward_referrals.offer_groups import offer_group_view
from victim_gateway.rules.handover import HandoverText
from victim_gateway.service_record_vocabulary import KindStep
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import OfferToSeveral, SharingConsent
from victim_gateway.services.referrals import notes, person_links
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    ConsentHow,
    DeclineReason,
    HandoverPart,
    LinkRole,
    Risk,
    Role,
    WithdrawReason,
)

HOUR = timedelta(hours=1)
NAME_ONLY = (HandoverPart.NAME,)
QUIET = HandoverText(wants="To be heard.")
RJ, SARC = ServiceKind.RESTORATIVE_JUSTICE, ServiceKind.SEXUAL_ASSAULT_REFERRAL_CENTRE


@pytest.fixture
def hub(owner: Owner, make_actor: MakeActor) -> Given:
    return a_provider(owner, make_actor, "rj-hub", kind=RJ)


def offer(
    actor: Actor,
    given: Given,
    referral_id: UUID,
    *,
    how: ConsentHow | None = ConsentHow.SPOKEN,
    **said: object,
) -> UUID:
    """An offer with an answer obtained in that way; None: on what is recorded."""
    consent = SharingConsent(agreed=True, how=how, given_at=MORNING) if how else None
    offer_of: dict[str, object] = {"share": NAME_ONLY, "texts": QUIET, "consent": consent, **said}
    return onward_referrals.offer_onward_referral(
        Command(actor, MORNING, submission_id=uuid4()),
        referral_id,
        onward_referrals.OfferToProvider(service_id=given.service_id, **offer_of),  # type: ignore[arg-type]
    )


def handover_of(actor: Actor, onward_id: UUID) -> dict[str, object]:
    with transaction(actor) as session:
        organisation = actor.organisation_id if actor.role is Role.PROVIDER else None
        return onward_referral_view(
            session, onward_id, reader_organisation_id=organisation, at=MORNING
        ).handover


def test_an_offer_without_the_answers_of_its_kind_is_refused_and_with_them_both_sides_read_them(
    caseworker: Actor, hub: Given
) -> None:
    referral_id = a_referral(caseworker)
    with pytest.raises(InvalidInput) as refused:
        offer(caseworker, hub, referral_id)
    assert set(refused.value.fields) == {"kind_stage", "kind_approach", "kind_purpose"}
    onward_id = offer(
        caseworker, hub, referral_id, answers={**ABOUT_RESTORATIVE_JUSTICE, "relation": "parent"}
    )
    kind = {"kind": "restorative_justice", "answers": ABOUT_RESTORATIVE_JUSTICE}
    assert handover_of(caseworker, onward_id)["kind"] == kind
    assert handover_of(hub.provider, onward_id)["kind"] == kind


def test_the_answers_stay_with_the_handover_when_it_is_shared_again(
    caseworker: Actor, hub: Given, owner: Owner
) -> None:
    referral_id = a_referral(caseworker)
    onward_id = offer(caseworker, hub, referral_id, answers=ABOUT_RESTORATIVE_JUSTICE)
    with owner() as session:
        session.get_one(Referral, referral_id).interpreter_needed = True
    changed = onward_referrals.share_again(
        Command(caseworker, MORNING + HOUR), onward_id, onward_referrals.Amendment("An interpreter")
    )
    assert changed == ("interpreter_needed",)
    assert handover_of(hub.provider, onward_id)["kind"] == {
        "kind": "restorative_justice",
        "answers": ABOUT_RESTORATIVE_JUSTICE,
    }


def test_a_service_with_questions_of_its_own_stands_in_no_group(
    caseworker: Actor, hub: Given, owner: Owner, make_actor: MakeActor
) -> None:
    other = a_provider(owner, make_actor)
    with pytest.raises(InvalidInput, match="by itself"):
        ask_ranked(caseworker, a_referral(caseworker), [other, hub])


def ask_ranked(caseworker: Actor, referral_id: UUID, services: list[Given]) -> UUID:
    return onward_referrals.offer_to_several(
        Command(caseworker, MORNING, submission_id=uuid4()),
        referral_id,
        OfferToSeveral(
            service_ids=[each.service_id for each in services],
            mode=OfferGroupMode.RANKED,
            share=NAME_ONLY,
            texts=QUIET,
            consent=SharingConsent(agreed=True, how=ConsentHow.THROUGH_POLICE, given_at=MORNING),
        ),
    )


def test_a_yes_through_the_police_is_not_enough_for_a_service_that_takes_only_an_own_one(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given = a_provider(owner, make_actor)
    referral_id = a_referral(caseworker)
    first = offer(caseworker, given, referral_id, how=ConsentHow.THROUGH_POLICE)
    with owner() as session:
        session.get_one(ProviderService, given.service_id).takes_explicit_consent_only = True
        session.get_one(Referral, referral_id).interpreter_needed = True
    with pytest.raises(InvalidInput, match="gave themselves"):
        onward_referrals.share_again(Command(caseworker, MORNING + HOUR), first)
    other = a_referral(caseworker)
    for how in (ConsentHow.THROUGH_POLICE, ConsentHow.THROUGH_AGENCY):
        with pytest.raises(InvalidInput) as refused:
            offer(caseworker, given, other, how=how)
        assert set(refused.value.fields) == {"how"}
    offer(caseworker, given, other)

    onward_referrals.withdraw_onward_referral(
        Command(caseworker, MORNING + HOUR), first, reason=WithdrawReason.SENT_BY_MISTAKE
    )
    with pytest.raises(InvalidInput) as refused:
        offer(caseworker, given, referral_id, how=None)
    assert set(refused.value.fields) == {"agreed"}
    # Their own yes is written down beside what the police said.
    with owner() as session:
        before = len(session.scalars(select(Consent)).all())
    onward_id = offer(caseworker, given, referral_id)
    consent_id = onward_row(owner, onward_id).consent_id
    with owner() as session:
        assert len(session.scalars(select(Consent)).all()) == before + 1
        answer = session.get_one(Consent, consent_id)
        assert (answer.how, answer.withdrawn_at) == (ConsentHow.SPOKEN, None)


def test_what_was_declined_is_not_offered_again_on_a_yes_of_others(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given = a_provider(owner, make_actor)
    onward_id = offer(caseworker, given, a_referral(caseworker), how=ConsentHow.THROUGH_AGENCY)
    with owner() as session:
        session.get_one(ProviderService, given.service_id).takes_explicit_consent_only = True
    onward_referrals.decline_onward_referral(
        Command(given.provider, MORNING + HOUR), onward_id, reason=DeclineReason.NO_CAPACITY, text="Full"
    )
    with pytest.raises(InvalidInput, match="gave themselves"):
        onward_referrals.overturn_decline(Command(caseworker, MORNING + HOUR), onward_id, text="Again")


def test_the_next_of_a_ranked_group_is_held_up_where_it_takes_only_an_own_yes(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    services = [a_provider(owner, make_actor, key) for key in ("new-era", "small-charity")]
    group_id = ask_ranked(caseworker, a_referral(caseworker), services)
    with owner() as session:
        session.get_one(ProviderService, services[1].service_id).takes_explicit_consent_only = True
    with transaction(caseworker) as session:
        first = offer_group_view(session, group_id).lines[0].onward_referral_id
    assert first is not None
    onward_referrals.decline_onward_referral(
        Command(services[0].provider, MORNING + HOUR), first, reason=DeclineReason.NOT_ELIGIBLE, text="No"
    )
    onward_referrals.confirm_decline(Command(caseworker, MORNING + 2 * HOUR), first)
    with transaction(caseworker) as session:
        second = offer_group_view(session, group_id).lines[1]
    assert (second.state, second.hindrance) == (None, OfferHindrance.NO_CONSENT)


def test_restorative_justice_after_abuse_takes_two_people_and_falls_when_the_risk_rises(
    caseworker: Actor, make_actor: MakeActor, hub: Given, owner: Owner
) -> None:
    one, other = make_actor(Role.SENIOR), make_actor(Role.SENIOR)
    referral_id = a_referral(caseworker, domestic_abuse=True)
    onward_referrals.request_restorative_justice(Command(one, MORNING), referral_id, text="She asked.")
    with pytest.raises(TransitionNotAllowed, match="asked for this yourself"):
        decide(one, referral_id)
    decide(other, referral_id)
    with pytest.raises(TransitionNotAllowed, match="said yes to this yourself"):
        offer(other, hub, referral_id, answers=ABOUT_RESTORATIVE_JUSTICE)
    with owner() as session:
        session.get_one(Referral, referral_id).risk = Risk.HIGH
    with pytest.raises(TransitionNotAllowed, match="must say yes first"):
        offer(caseworker, hub, referral_id, answers=ABOUT_RESTORATIVE_JUSTICE)
    # The one who asked before may decide about what another has asked since.
    onward_referrals.request_restorative_justice(Command(caseworker, MORNING), referral_id, text="Still.")
    decide(one, referral_id)
    offer(caseworker, hub, referral_id, answers=ABOUT_RESTORATIVE_JUSTICE)


def decide(senior: Actor, referral_id: UUID) -> None:
    onward_referrals.decide_restorative_justice(
        Command(senior, MORNING), referral_id, agreed=True, text="Letters only."
    )


def test_no_text_of_restorative_justice_tells_who_the_suspect_is(
    caseworker: Actor, senior: Actor, hub: Given, owner: Owner, make_actor: MakeActor
) -> None:
    referral_id, other = a_referral(caseworker), a_referral(caseworker)
    with owner() as session:
        victim, suspect = session.get_one(Referral, referral_id), session.get_one(Referral, other)
    rename(owner, suspect.person_id, {"given_name": "Gary", "family_name": "Okoro", "alias": "Gaz"})
    person_links.record_link(
        Command(caseworker, MORNING),
        victim.person_id,
        other_reference=suspect.reference,
        role=LinkRole.SUSPECT,
    )
    person_links.record_suspect_contact(
        Command(caseworker, MORNING),
        victim.person_id,
        phone="07700 900999",
        email=None,
        whose=LinkRole.SUSPECT,
    )
    for field, text in (
        ("wants", "To write to Gary"),
        ("remarks", "He answers on 07700-900 999"),
        ("what_happened", "Mr OKORO"),
    ):
        with pytest.raises(InvalidInput, match="Leave it out") as refused:
            offer(
                caseworker,
                hub,
                referral_id,
                texts=HandoverText(**{field: text}),
                answers=ABOUT_RESTORATIVE_JUSTICE,
            )
        assert set(refused.value.fields) == {field}
    onward_id = offer(caseworker, hub, referral_id, answers=ABOUT_RESTORATIVE_JUSTICE)
    with pytest.raises(InvalidInput, match="Leave it out"):
        onward_referrals.request_information(Command(hub.provider, MORNING), onward_id, text="Is it Gary?")
    with pytest.raises(InvalidInput, match="Leave it out"):
        notes.write_provider_note(
            Command(hub.provider, MORNING), onward_id, notes.NewNote(subject="Gaz", body="He rang us.")
        )
    with pytest.raises(InvalidInput, match="Leave it out"):
        notes.write_note(
            Command(caseworker, MORNING),
            referral_id,
            notes.NewNote(subject="New", body="Okoro moved."),
            onward_referral_id=onward_id,
        )
    # Another kind of service is told what the caseworker decides.
    new_era = a_provider(owner, make_actor)
    offer(caseworker, new_era, referral_id, texts=HandoverText(wants="Gary kept away"))


def rename(owner: Owner, person_id: UUID, names: dict[str, str]) -> None:
    from victim_gateway.database import encrypted_rows
    from victim_gateway.models import Person

    with transaction(Actor.worker("tests")) as session:
        person = session.get_one(Person, person_id)
        key = encrypted_rows.open_key(session, person.key_id)
        document = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
        person.sealed = encrypted_rows.seal_row(key, "person", person.id, {**document, **names})


def test_a_referral_centre_is_told_recent_or_not_and_by_which_route(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    centre = a_provider(owner, make_actor, "grange-park-sarc", kind=SARC, min_age=18)
    referral_id = a_referral(caseworker)
    with pytest.raises(InvalidInput) as refused:
        offer(caseworker, centre, referral_id)
    assert set(refused.value.fields) == {"kind_day_known"}
    onward_id = offer(caseworker, centre, referral_id, answers={"day_known": "not_known"})
    kind = handover_of(centre.provider, onward_id)["kind"]
    assert kind == {
        "kind": SARC.value,
        "answers": {"day_known": "not_known", "acute": "not_known", "route": "adult"},
    }
    onward_id = offer(
        caseworker,
        centre,
        a_referral(caseworker),
        answers={"day_known": "yes", "assault_on": (MORNING.date() - timedelta(8)).isoformat()},
    )
    kind = handover_of(centre.provider, onward_id)["kind"]
    assert isinstance(kind, dict) and kind["answers"]["acute"] == "no"


def test_a_relative_is_referred_without_the_story_of_the_person_harmed(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    family = a_provider(
        owner, make_actor, "family", kind=ServiceKind.FAMILY_SUPPORT, districts=["Stoke-on-Trent", "Stafford"]
    )
    with pytest.raises(InvalidInput, match="family members"):
        offer(caseworker, family, a_referral(caseworker), answers={"relation": "sibling"})
    referral_id = a_referral(caseworker, victim_type="family_member")
    for part in (HandoverPart.WHAT_HAPPENED, HandoverPart.CRIME):
        with pytest.raises(InvalidInput) as refused:
            offer(caseworker, family, referral_id, share=(part,), answers={"relation": "sibling"})
        assert set(refused.value.fields) == {"share"}
    handover = handover_of(
        family.provider, offer(caseworker, family, referral_id, answers={"relation": "sibling"})
    )
    assert handover["kind"] == {"kind": "family_support", "answers": {"relation": "sibling"}}
    assert "offence" not in handover and handover["name"] == "Wilma Ashdown"


def test_that_a_person_asked_for_an_adviser_is_counted_from_the_offer(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given = a_provider(owner, make_actor, "advisers", kind=ServiceKind.ISVA)
    offered(caseworker, given, answers={"adviser_gender": "woman", "asked_for_service": "no"})
    asked = {"asked_for_service": "yes", "asked_on": "2026-07-10"}
    onward_id = offered(caseworker, given, answers=asked)
    with owner() as session:
        (step,) = session.scalars(select(RecordedKindStep)).all()
    assert (step.onward_referral_id, step.step) == (onward_id, KindStep.ASKED_FOR_SERVICE)
    assert (step.happened_on.isoformat(), step.by_id) == ("2026-07-10", caseworker.user_id)
