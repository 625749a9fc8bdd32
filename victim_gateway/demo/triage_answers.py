"""What caseworkers and a senior of the demonstration answer after a triage assessment, through the services."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from sqlalchemy import select

from victim_gateway import times
from victim_gateway.database.transaction import transaction
from victim_gateway.demo import phrases
from victim_gateway.demo.case import DemoCase
from victim_gateway.models import Referral, Task
from victim_gateway.rules.marac import MaracReason
from victim_gateway.rules.triage_questions import HouseholdAnswers
from victim_gateway.services.referrals import marac, triage
from victim_gateway.services.referrals.assessment_reviews import ReviewAnswer, review_assessment
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Risk, TaskKind

_WANTS = ("feel_safer", "talk_it_through", "practical_help", "know_the_case")


def chance_of(case: DemoCase) -> Random:
    """Random choices of their own, so that the rest of the story stays as it was."""
    return case.planned.chance(f"triage-{case.assessments}")


def add_household(case: DemoCase) -> HouseholdAnswers:
    """Children where there was domestic abuse, sometimes with a safeguarding referral that is needed."""
    chance = chance_of(case)
    if not case.planned.police_account.domestic_abuse or chance.random() < 0.4:
        return HouseholdAnswers()
    ages = tuple(sorted(chance.sample(range(17), chance.choice((1, 2, 3)))))
    return HouseholdAnswers(
        children="yes",
        number_of_children=len(ages),
        ages=ages,
        children_with=phrases.CHILDREN_WITH,
        safeguarding=chance.choice(("made", "made", "needed", "not_needed")),
    )


def add_dash(case: DemoCase, risk: Risk) -> triage.DashAnswer | None:
    """A DASH score that fits the risk, where there was domestic abuse."""
    if not case.planned.police_account.domestic_abuse:
        return None
    least, most = {Risk.HIGH: (10, 20), Risk.MEDIUM: (10, 13)}.get(risk, (1, 9))
    score = chance_of(case).randint(least, most)
    return triage.DashAnswer(score=score, on=times.london_date(case.at), by="gateway")


def pick_wants(case: DemoCase) -> tuple[str, ...]:
    """One or two of what people want."""
    chance = chance_of(case)
    return tuple(chance.sample(_WANTS, chance.choice((1, 1, 2))))


def answer_after_assessment(case: DemoCase) -> None:
    """Mostly MARAC is decided at once and a senior has agreed; sometimes it waits or was sent back."""
    chance, waiting = chance_of(case), _open_kinds(case)
    if TaskKind.MARAC_DECISION in waiting and chance.random() < 0.4:
        _decide_marac(case)
    if TaskKind.HIGH_RISK_REVIEW in waiting:
        drawn = chance.random()
        if drawn < 0.7:
            _review(case, agreed=drawn < 0.55)


def answer_before_closing(case: DemoCase) -> None:
    """Nothing of it is left open when a referral is closed."""
    waiting = _open_kinds(case)
    if TaskKind.MARAC_DECISION in waiting:
        _decide_marac(case)
    if TaskKind.HIGH_RISK_REVIEW in waiting:
        _review(case, agreed=True)


def was_sent_back(case: DemoCase) -> bool:
    """Whether a senior asked for another assessment."""
    return TaskKind.ASSESS_AGAIN in _open_kinds(case)


def _open_kinds(case: DemoCase) -> set[TaskKind]:
    with transaction(case.owner) as session:
        open_tasks = select(Task.kind).where(Task.referral_id == case.id, Task.done_at.is_(None))
        return set(session.scalars(open_tasks))


def _decide_marac(case: DemoCase) -> None:
    case.wait()
    is_referred, today = chance_of(case).random() < 0.8, times.london_date(case.at)
    with transaction(case.owner) as session:
        version = session.scalars(select(Referral.version).where(Referral.id == case.id)).one()
    answer = marac.MaracAnswer(
        is_referred=is_referred,
        decided_on=today,
        reasons=(MaracReason.JUDGEMENT,) if is_referred else (),
        is_repeat=False,
        meeting_on=today + timedelta(days=14) if is_referred else None,
        text=phrases.MARAC_TEXT,
    )
    marac.decide_marac(Command(case.owner, case.at, version=version), case.id, answer)


def _review(case: DemoCase, *, agreed: bool) -> None:
    case.wait()
    answer = ReviewAnswer(agreed, phrases.REVIEW_AGREED if agreed else phrases.SENT_BACK)
    review_assessment(Command(case.staff.reviewer, case.at, version=case.assessments), case.id, answer)
