"""What caseworkers do in the stories, through the services that the pages use."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from victim_gateway import times
from victim_gateway.demo import words
from victim_gateway.demo.case import Case
from victim_gateway.demo.mix import ANTI_SOCIAL
from victim_gateway.demo.police import report
from victim_gateway.demo.reaching import agree_safe_contact
from victim_gateway.models import EntitlementClock, Referral, Task
from victim_gateway.services import (
    consents,
    corrections,
    notes,
    recording,
    referrals,
    tasks,
    told,
    triage,
)
from victim_gateway.services.people import PERSON_FIELDS
from victim_gateway.services.safe_contact import SafeContact
from victim_gateway.transactions import settings, transaction
from victim_gateway.vocabulary import (
    CloseOutcome,
    ConsentHow,
    ConsentPurpose,
    ReferralSource,
    Risk,
    SafeAnswer,
    TaskKind,
)

AGENCY, AGENCY_CONTACT = "Kiln Bank Housing", "Duty officer"
HIGH_RISK = {True: 0.4, False: 0.04}
GIVEN_BY_SENIOR = 0.15


def record(case: Case) -> None:
    """Somebody tells the owner in person, or another agency does."""
    who, said, crime = case.planned.victim, case.planned.told, case.planned.crime
    told_at = report(case.planned, case.working)
    by_agency = case.planned.story.source == ReferralSource.AGENCY
    safe = SafeContact(
        safe=SafeAnswer.YES,
        channels={"phone": SafeAnswer.YES},
        stated_by="agency" if by_agency else "person",
    )
    new = recording.NewReferral(
        source=ReferralSource.AGENCY if by_agency else ReferralSource.SELF,
        person=_document(case),
        offence=crime.crime_type,
        safe_contact=safe,
        victim_type=who.victim_type,
        source_organisation=AGENCY if by_agency else None,
        source_contact=AGENCY_CONTACT if by_agency else None,
        what_happened=words.WHAT_HAPPENED.get(crime.crime_type, words.SOMETHING_HAPPENED),
        district=crime.district,
        occurred_at=told_at.occurred_at,
        reported_at=told_at.reported_at if case.likely(0.5) else None,
        flags=frozenset(flag for flag in recording.FLAGS if getattr(said, flag)),
        hate_strand=said.hate_strand or None,
        interpreter_needed=who.interpreter_needed,
        agreed=True if said.consent == "yes" or not by_agency else None,
        how=ConsentHow.THROUGH_AGENCY if by_agency else ConsentHow.SPOKEN,
    )
    case.referral_id = recording.record(new, actor=case.owner, at=case.at)


def take(case: Case) -> None:
    """The owner takes it on, or is given it."""
    owner = case.owner.user_id
    if owner is not None and case.likely(GIVEN_BY_SENIOR):
        referrals.assign(case.id, actor=case.staff.senior, at=case.at, to_user_id=owner)
    else:
        referrals.take(case.id, actor=case.owner, at=case.at)


def release(case: Case) -> None:
    """The person agrees after all that we call."""
    referrals.release(
        case.id,
        actor=case.owner,
        at=case.at,
        how=ConsentHow.THROUGH_POLICE,
        given_at=case.at - timedelta(hours=2),
        words=words.RELEASED,
    )


def refuse_contact(case: Case) -> None:
    """The person asks us not to call again: the referral is held from then on."""
    consents.record(
        case.id,
        actor=case.owner,
        at=case.at,
        purpose=ConsentPurpose.CONTACT,
        agreed=False,
        how=ConsentHow.SPOKEN,
        given_at=case.at,
        words=words.REFUSED_CONTACT,
    )


def correct_phone(case: Case, phone: str) -> None:
    """The person gives another number than the police did: whether that one is safe, nobody has said yet."""
    case.plan = None
    with transaction(case.owner) as session:
        version = session.scalars(select(Referral.version).where(Referral.id == case.id)).one()
    corrections.correct(case.id, actor=case.owner, at=case.at, changes={"phone": phone}, version=version)


def note(case: Case) -> None:
    """A note for the Gateway's own eyes."""
    subject, body = case.pick(*words.NOTES)
    notes.write(case.id, actor=case.owner, at=case.at, subject=subject, body=body)


def assess(case: Case, said: str = words.ASSESSED) -> None:
    """A triage assessment of what weighs on the person."""
    scale = {key: 0 for key, _ in settings().area.needs.areas}
    for key in case.several(list(scale), case.pick(1, 2, 2, 3, 4)):
        scale[key] = case.pick(1, 1, 2, 2, 3)
    is_high = case.likely(HIGH_RISK[case.planned.told.domestic_abuse])
    found = triage.Assessment(
        assessed_at=case.at,
        needs=scale,
        risk=Risk.HIGH if is_high else case.pick(Risk.STANDARD, Risk.STANDARD, Risk.MEDIUM),
        risk_grounds=(case.pick(*triage.GROUNDS),) if is_high else (),
        enhanced_categories=_rights_found(case),
        wants_restorative_justice=case.pick("yes", "no", "later", "not_asked"),
        words=said,
    )
    triage.assess(case.id, actor=case.owner, at=case.at, assessment=found, version=case.assessments)
    case.assessments += 1


def told_by_police(case: Case) -> None:
    """The person says that they were told something the Code promises, where anything is owed."""
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
        told.record(case.id, actor=case.owner, at=case.at, clock_id=clock.id, told_on=on)


def close(case: Case, outcome: CloseOutcome, said: str | None = None) -> None:
    """Everything that was open is dealt with, and the referral is closed."""
    tick_off(case)
    case.wait()
    referrals.close(case.id, actor=case.owner, at=case.at, outcome=outcome, words=said)


def close_as_duplicate(case: Case, of: UUID) -> None:
    """Closed, with the reference of the one that stays open."""
    with transaction(case.owner) as session:
        reference = session.scalars(select(Referral.reference).where(Referral.id == of)).one()
    close(case, CloseOutcome.DUPLICATE, words.DUPLICATE_OF.format(reference=reference))


def reopen(case: Case) -> None:
    """The person comes back."""
    referrals.reopen(case.id, actor=case.owner, at=case.at, words=words.REOPENED)


def tick_off(case: Case) -> None:
    """The tasks that are open are done."""
    waiting = select(Task.id, Task.kind).where(Task.referral_id == case.id, Task.done_at.is_(None))
    with transaction(case.owner) as session:
        rows = session.execute(waiting.order_by(Task.created_at, Task.kind)).all()
    if any(row.kind is TaskKind.SAFE_CONTACT_CHECK for row in rows):
        agree_safe_contact(case)
    for row in rows:
        if row.kind in tasks.TICKED_OFF:
            tasks.tick_off(row.id, actor=case.owner, at=case.at)


def _document(case: Case) -> dict[str, str]:
    who = case.planned.victim
    known = {name: getattr(who, name) for name in PERSON_FIELDS if name != "date_of_birth"}
    known["date_of_birth"] = who.born.isoformat() if who.born else ""
    return known


def _rights_found(case: Case) -> tuple[str, ...]:
    """Enhanced rights that only the conversation brings to light; nobody has any for an incident or as a business."""
    if case.planned.victim.victim_type == "business" or case.planned.crime.crime_type == ANTI_SOCIAL:
        return ()
    if case.planned.told.persistently_targeted:
        return ("persistently_targeted",)
    return ("vulnerable_or_intimidated",) if case.likely(0.12) else ()
