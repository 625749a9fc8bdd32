"""Actions of caseworkers in the scenarios, through the services that the pages use."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from victim_gateway import times
from victim_gateway.compliance.victim_categories import ENHANCING_FLAGS
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.demo import names, phrases, triage_answers
from victim_gateway.demo.case import DemoCase
from victim_gateway.demo.contact import agree_safe_contact
from victim_gateway.demo.mix import ANTI_SOCIAL
from victim_gateway.demo.police import plan_report
from victim_gateway.models import EntitlementClock, Referral, Task
from victim_gateway.queries.referrals import closing_checks
from victim_gateway.rules.closing import RiskView
from victim_gateway.rules.hold import ADULT_AGE
from victim_gateway.rules.risk_rules import GROUNDS
from victim_gateway.services.people.person_hashes import PERSON_FIELDS
from victim_gateway.services.referrals import (
    consents,
    corrections,
    create_referral,
    notes,
    safe_adult,
    status,
    tasks,
    triage,
    victim_reports,
)
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    CloseOutcome,
    ConsentHow,
    ConsentPurpose,
    HeldReason,
    IdentityDecision,
    ReferralSource,
    Risk,
    SafeAnswer,
    TaskKind,
)

AGENCY, AGENCY_CONTACT = "Kiln Bank Housing", "Duty officer"
HIGH_RISK = {True: 0.4, False: 0.04}
GIVEN_BY_SENIOR = 0.15


def record_case(case: DemoCase) -> None:
    """Record a referral by hand: the person came themselves, or another agency passed them on."""
    who, said, crime = case.planned.victim, case.planned.police_account, case.planned.crime
    told_at = plan_report(case.planned, case.working)
    by_agency = case.planned.scenario.source == ReferralSource.AGENCY
    safe = SafeContactAnswer(
        safe=SafeAnswer.YES,
        channels={"phone": SafeAnswer.YES},
        stated_by="agency" if by_agency else "person",
    )
    new = create_referral.NewReferral(
        source=ReferralSource.AGENCY if by_agency else ReferralSource.SELF,
        person=_document(case),
        offence=crime.crime_type,
        residence_district=crime.district,
        safe_contact=safe,
        victim_type=who.victim_type,
        source_organisation=AGENCY if by_agency else None,
        source_contact=AGENCY_CONTACT if by_agency else None,
        what_happened=phrases.WHAT_HAPPENED.get(crime.crime_type, phrases.SOMETHING_HAPPENED),
        district=crime.district,
        occurred_at=told_at.occurred_at,
        reported_at=told_at.reported_at if case.likely(0.5) else None,
        flags=frozenset(flag for flag in ENHANCING_FLAGS if getattr(said, flag)),
        hate_strand=said.hate_strand or None,
        interpreter_needed=who.interpreter_needed,
        agreed=True if said.consent == "yes" or not by_agency else None,
        how=ConsentHow.THROUGH_AGENCY if by_agency else ConsentHow.SPOKEN,
    )
    case.referral_id = create_referral.record_referral(Command(case.owner, case.at), new)


def take_case(case: DemoCase) -> None:
    """Assign the referral to its owner."""
    owner = case.owner.user_id
    if owner is not None and case.likely(GIVEN_BY_SENIOR):
        status.assign_referral(Command(case.staff.senior, case.at), case.id, to_user_id=owner)
    else:
        status.take_referral(Command(case.owner, case.at), case.id)


def release_case(case: DemoCase) -> None:
    """Release a held referral: the person agrees to be called."""
    status.release_referral(
        Command(case.owner, case.at),
        case.id,
        how=ConsentHow.THROUGH_POLICE,
        given_at=case.at - timedelta(hours=2),
        text=phrases.RELEASED,
    )


def hold_case(case: DemoCase, reason: HeldReason) -> None:
    """Hold a referral for what its owner was told."""
    status.hold_referral(
        Command(case.owner, case.at), case.id, reason=reason, text=phrases.HOLD_TEXTS[reason]
    )


def stop_contact(case: DemoCase, field: str, reason: HeldReason) -> None:
    """Record a death (`deceased`) or that the force takes the referral back (`withdrawn`), as a caseworker was told."""
    corrections.correct_details(
        Command(case.owner, case.at), case.id, {field: True}, reason=phrases.HOLD_TEXTS[reason]
    )


def is_child(case: DemoCase) -> bool:
    """Whether the person is under 18 at this moment."""
    born = case.planned.victim.born
    return born is not None and times.age_on(born, times.london_date(case.at)) < ADULT_AGE


def name_safe_adult(case: DemoCase, relationship: str | None = None) -> None:
    """Record the adult of a child whom it is safe to speak to, as the school or the officer told us."""
    chance = case.planned.chance("safe adult")
    adult = safe_adult.SafeAdult(
        name=f"{chance.choice(names.GIVEN_NAMES['F'])} {case.planned.victim.family_name}",
        relationship=relationship or chance.choice(("mother", "grandmother", "foster carer", "aunt")),
        safe=SafeAnswer.YES,
        phone=names.demo_phone(case.planned.number + names.MOBILES // 4, chance),
    )
    safe_adult.record_safe_adult(Command(case.owner, case.at), case.id, adult)


def refuse_contact(case: DemoCase) -> None:
    """Record that the person refuses contact, which holds the referral."""
    consents.record_consent(
        Command(case.owner, case.at),
        case.id,
        consents.ConsentAnswer(
            purpose=ConsentPurpose.CONTACT, agreed=False, how=ConsentHow.SPOKEN, given_at=case.at
        ),
        text=phrases.REFUSED_CONTACT,
    )


def correct_phone(case: DemoCase, phone: str) -> None:
    """Correct the telephone number; whether the new one is safe is not known yet."""
    case.plan = None
    with transaction(case.owner) as session:
        version = session.scalars(select(Referral.version).where(Referral.id == case.id)).one()
    corrections.correct_details(Command(case.owner, case.at, version=version), case.id, {"phone": phone})


def write_case_note(case: DemoCase) -> None:
    """Write a note that providers do not see."""
    subject, body = case.pick(*phrases.NOTES)
    notes.write_note(Command(case.owner, case.at), case.id, notes.NewNote(subject=subject, body=body))


def assess_case(case: DemoCase, said: str = phrases.ASSESSED) -> None:
    """Record a triage assessment."""
    scale = {key: 0 for key, _ in current_settings().area.needs.areas}
    for key in case.several(list(scale), case.pick(1, 2, 2, 3, 4)):
        scale[key] = case.pick(1, 1, 2, 2, 3)
    is_high = case.likely(HIGH_RISK[case.planned.police_account.domestic_abuse])
    risk = Risk.HIGH if is_high else case.pick(Risk.STANDARD, Risk.STANDARD, Risk.MEDIUM)
    found = triage.TriageAnswers(
        assessed_at=case.at,
        needs=scale,
        risk=risk,
        risk_grounds=(case.pick(*GROUNDS),) if is_high else (),
        risk_reason=phrases.JUDGED if is_high else None,
        below_officer_reason=phrases.BELOW_OFFICER,
        enhanced_categories=_rights_found(case),
        wants_restorative_justice=_restorative_answer(case),
        remarks=said,
        dash=triage_answers.add_dash(case, risk),
        wanted=triage_answers.pick_wants(case),
        household=triage_answers.add_household(case),
    )
    triage.record_triage_assessment(Command(case.owner, case.at, version=case.assessments), case.id, found)
    case.assessments += 1
    triage_answers.answer_after_assessment(case)


def _restorative_answer(case: DemoCase) -> str:
    """Yes where the scenario goes on to it, so that no offer goes against what the person said."""
    answer = case.pick("no", "no", "later", "not_asked")
    is_wanted = case.planned.scenario.name.endswith((":rj", ":fitting", "restorative_asked"))
    return "yes" if is_wanted else answer


def record_told_by_police(case: DemoCase) -> None:
    """Record that the person was told what the first open clock is about, where one is open."""
    owed = (
        select(EntitlementClock)
        .where(
            EntitlementClock.referral_id == case.id,
            EntitlementClock.edition != "local",
            EntitlementClock.stopped_at.is_(None),
            EntitlementClock.status.in_(("running", "overdue", "unknown")),
        )
        .order_by(EntitlementClock.started_at, EntitlementClock.entitlement_id)
        .limit(1)
    )
    with transaction(case.owner) as session:
        clock = session.scalar(owed)
    if clock is not None:
        on = max(clock.started_on, times.london_date(case.at - timedelta(days=1)))
        victim_reports.record_victim_was_told(
            Command(case.owner, case.at), case.id, clock_id=clock.id, told_on=on
        )


def close_case(case: DemoCase, outcome: CloseOutcome, said: str | None = None) -> None:
    """Finish what is open and close the referral."""
    tick_off_tasks(case, is_same=outcome is CloseOutcome.DUPLICATE)
    case.wait()
    if outcome is CloseOutcome.NEEDS_MET and _is_high(case):
        _lower_risk(case)
    status.close_referral(
        Command(case.owner, case.at),
        case.id,
        outcome=outcome,
        text=said,
        risk_view=RiskView(Risk.HIGH, phrases.RISK_AT_THE_END) if _is_high(case) else None,
    )


def _is_high(case: DemoCase) -> bool:
    with transaction(case.owner) as session:
        return closing_checks.last_risk(session, case.id) is Risk.HIGH


def _lower_risk(case: DemoCase) -> None:
    """Assess again at the end of support, and have a senior agree that the risk is not high any more."""
    found = triage.TriageAnswers(
        assessed_at=case.at,
        needs={key: 0 for key, _ in current_settings().area.needs.areas},
        risk=Risk.STANDARD,
        below_officer_reason=phrases.RISK_AT_THE_END,
        remarks=phrases.RISK_AT_THE_END,
    )
    triage.record_triage_assessment(Command(case.owner, case.at, version=case.assessments), case.id, found)
    case.assessments += 1
    triage_answers.answer_before_closing(case)
    case.wait()


def close_as_duplicate(case: DemoCase, of: UUID) -> None:
    """Close as a duplicate, with the reference of the referral that stays open."""
    with transaction(case.owner) as session:
        reference = session.scalars(select(Referral.reference).where(Referral.id == of)).one()
    close_case(case, CloseOutcome.DUPLICATE, phrases.DUPLICATE_OF.format(reference=reference))


def reopen_case(case: DemoCase) -> None:
    """Reopen a closed referral."""
    status.reopen_referral(Command(case.owner, case.at), case.id, text=phrases.REOPENED)


def tick_off_tasks(case: DemoCase, *, is_same: bool = False) -> None:
    """Tick off the open tasks; of people to compare, say whether they are the same."""
    if triage_answers.was_sent_back(case):
        case.wait()
        assess_case(case, phrases.REASSESSED)
    triage_answers.answer_before_closing(case)
    waiting = select(Task.id, Task.kind).where(Task.referral_id == case.id, Task.done_at.is_(None))
    with transaction(case.owner) as session:
        rows = session.execute(waiting.order_by(Task.created_at, Task.kind)).all()
    if any(row.kind is TaskKind.SAFE_CONTACT_CHECK for row in rows):
        agree_safe_contact(case)
    for row in rows:
        if row.kind in tasks.TICK_OFF_KINDS:
            tasks.tick_off_task(Command(case.owner, case.at), case.id, task_id=row.id)
        elif row.kind in tasks.COMPARED_KINDS:
            decision = IdentityDecision.SAME_PERSON if is_same else IdentityDecision.DIFFERENT_PEOPLE
            tasks.record_identity_decision(
                Command(case.owner, case.at), case.id, task_id=row.id, decision=decision
            )


def _document(case: DemoCase) -> dict[str, str]:
    who = case.planned.victim
    known = {name: getattr(who, name, "") for name in PERSON_FIELDS if name != "date_of_birth"}
    known["date_of_birth"] = who.born.isoformat() if who.born else ""
    return known


def _rights_found(case: DemoCase) -> tuple[str, ...]:
    """Enhanced rights found in the triage assessment; none for an incident or a business."""
    if case.planned.victim.victim_type == "business" or case.planned.crime.crime_type == ANTI_SOCIAL:
        return ()
    if case.planned.police_account.persistently_targeted:
        return ("persistently_targeted",)
    return ("vulnerable_or_intimidated",) if case.likely(0.12) else ()
