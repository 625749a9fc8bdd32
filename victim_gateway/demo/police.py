"""Files as the police would have sent them: each morning's referrals and case events, in the feeds' formats."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from victim_gateway import times
from victim_gateway.compliance.victim_categories import ENHANCING_FLAGS
from victim_gateway.demo import example_cases
from victim_gateway.demo.mix import ANTI_SOCIAL
from victim_gateway.demo.plan import PlannedReferral
from victim_gateway.demo.working_time import EVENTS_TIME, FEED_TIME, WorkingTime
from victim_gateway.feeds.case_events import CASE_EVENTS_FEED
from victim_gateway.feeds.columns import REFERRAL_FEED

# Rows that no import can use, as every real feed has now and then: place among the days, what is wrong.
UNUSABLE = {3: {"offence": ""}, 8: {"reported_at": "not known"}}
# An answer that says neither yes nor no.
UNREADABLE_ANSWER = "see log"
SUSPECT = "s1"


@dataclass(frozen=True, slots=True)
class PoliceReport:
    """The moments of one report to the police."""

    occurred_at: datetime
    reported_at: datetime
    transferred_at: datetime


@dataclass(frozen=True, slots=True)
class PoliceStep:
    """One thing that may happen to a case: so long after the one before it, in hours from and to, this likely."""

    event: str
    hours: tuple[float, float]
    likely: float
    notice: str | None = None
    about_suspect: bool = True


_INTERVIEWED = PoliceStep(
    "suspect_interviewed_under_caution", (2, 30), 0.8, "victim_told_suspect_interviewed"
)
_ARRESTED = PoliceStep("suspect_arrested", (6, 120), 0.7, "victim_told_suspect_arrested")
# What follows, by what the published figures say became of such a crime.
COURSES: Mapping[str, tuple[PoliceStep, ...]] = {
    "none": (),
    "open": (_INTERVIEWED,),
    "no_suspect": (
        PoliceStep("police_decided_not_to_investigate", (60, 400), 1, "victim_told_not_investigating", False),
    ),
    "not_prosecuted": (
        _ARRESTED,
        _INTERVIEWED,
        PoliceStep(
            "suspect_released_under_investigation",
            (1, 8),
            0.7,
            "victim_told_suspect_released_under_investigation",
        ),
        PoliceStep(
            "police_decided_not_to_prosecute",
            (100, 500),
            1,
            "victim_told_police_decision_not_to_prosecute",
            False,
        ),
    ),
    "out_of_court": (
        _INTERVIEWED,
        PoliceStep("out_of_court_disposal_given", (48, 300), 1, "victim_told_out_of_court_disposal"),
    ),
    "charged": (
        _ARRESTED,
        _INTERVIEWED,
        PoliceStep("suspect_charged", (4, 200), 1, "victim_told_suspect_charged"),
        PoliceStep("wcu_received_hearing_details", (24, 96), 0.8, "victim_told_hearing_details"),
    ),
}


def plan_report(case: PlannedReferral, working: WorkingTime) -> PoliceReport:
    """Plan when the crime happened, was reported and was passed on, since the feed of the working day before."""
    chance = case.chance("report")
    feed = working.moment(case.age, FEED_TIME)
    before = working.moment(case.age + 1, FEED_TIME)
    transferred = feed - timedelta(hours=chance.uniform(0.5, 4))
    reported = before + (transferred - before) * chance.uniform(0.02, 0.95)
    reported -= timedelta(days=example_cases.days_until_transfer(case.scenario.name))
    longer = chance.choices(((0.3, 9), (20, 120), (700, 9000)), (70, 25, 5))[0]
    occurred = reported - timedelta(hours=chance.uniform(*longer))
    return PoliceReport(*(moment.replace(microsecond=0) for moment in (occurred, reported, transferred)))


def referral_row(case: PlannedReferral, working: WorkingTime, *, force: str) -> dict[str, str]:
    """The row of one referral; columns that are absent are blank."""
    chance, who, said, crime = case.chance("row"), case.victim, case.police_account, case.crime
    told_at = plan_report(case, working)
    officer = chance.randint(1000, 9899)
    is_crime = crime.crime_type != ANTI_SOCIAL
    row = {
        "feed_reference": feed_reference(case),
        "force": force,
        "crime_number": _crime_number(told_at, chance) if is_crime else "",
        "incident_number": f"{told_at.reported_at:%Y%m%d}-{chance.randint(1000, 9999)}",
        "recorded_as": "crime" if is_crime else "asb",
        "offence": crime.crime_type,
        "occurred_from": _written(told_at.occurred_at),
        "reported_at": _written(told_at.reported_at),
        "transferred_at": _written(told_at.transferred_at),
        "district": crime.district,
        "location": f"On or near {chance.choice(('a shop', 'the park', 'a bus stop', 'home', 'the car park'))}",
        "victim_type": who.victim_type,
        "victim_reference": who.reference,
        "date_of_birth": who.born.isoformat() if who.born else "",
        "preferred_contact": said.preferred,
        "safe_to_contact": said.safe,
        "safe_contact_note": said.safe_note,
        "interpreter_needed": _yes_or_no(who.interpreter_needed),
        "consent_to_referral": said.consent,
        "hate_strand": said.hate_strand,
        "risk_assessment": said.risk_assessment,
        "officer_name": f"PC {officer}",
        "officer_email": f"pc{officer}@police.example",
    }
    row |= {name: getattr(who, name) for name in _AS_THEY_ARE}
    row |= {name: _yes_or_no(getattr(said, name)) for name in ENHANCING_FLAGS}
    if case.scenario.name == "held_unreadable":
        row["domestic_abuse"] = UNREADABLE_ANSWER
    if is_crime and chance.random() < 0.6:
        between = told_at.transferred_at - told_at.reported_at
        row["acknowledged_at"] = _written(told_at.reported_at + between * chance.random())
    return row


_AS_THEY_ARE = (
    "title", "given_name", "family_name", "sex", "phone", "email", "address_line_1", "address_line_2", "town",
    "postcode", "organisation_name", "organisation_contact", "language", "communication_needs",
)  # fmt: skip


def feed_reference(case: PlannedReferral) -> str:
    """The force's id of the referral."""
    return f"DEMO-R{case.number:05d}"


def unusable_row(working: WorkingTime, days_ago: int, *, force: str) -> dict[str, str] | None:
    """A row that will be set aside, on the few days that have one."""
    wrong = UNUSABLE.get(days_ago)
    if wrong is None:
        return None
    reported = working.moment(days_ago + 1, FEED_TIME) + timedelta(hours=6)
    return {
        "feed_reference": f"DEMO-X{days_ago:05d}",
        "force": force,
        "offence": "Other theft",
        "reported_at": _written(reported),
        "given_name": "Jordan",
        "family_name": "Rushbrook",
        **wrong,
    }


def case_events(case: PlannedReferral, working: WorkingTime) -> Iterator[tuple[int, dict[str, str]]]:
    """Case events of one crime, each with how many working days ago the file with it arrived."""
    if case.crime.crime_type == ANTI_SOCIAL or case.scenario.source is not None:
        return
    chance, told_at = case.chance("events"), plan_report(case, working)
    received = working.moment(case.age, FEED_TIME)
    for event, occurred, about_suspect in _happened(case, told_at, chance):
        occurred = occurred.replace(microsecond=0)
        recorded = occurred + timedelta(minutes=chance.randint(10, 600))
        days_ago = working.first_at_or_after(max(recorded, received), EVENTS_TIME)
        if days_ago is not None:
            yield (
                days_ago,
                {
                    "feed_reference": feed_reference(case),
                    "event": event,
                    "occurred_at": _written(occurred),
                    "recorded_at": _written(recorded),
                    "source": "police",
                    "subject": SUSPECT if about_suspect else "",
                },
            )


def _happened(
    case: PlannedReferral, told_at: PoliceReport, chance: Random
) -> Iterator[tuple[str, datetime, bool]]:
    reported = told_at.reported_at
    if chance.random() < 0.92:
        yield "rights_information_given", reported + _hours(chance, 0.5, 40), False
    if chance.random() < 0.85:
        yield "needs_assessment_completed", reported + _hours(chance, 1, 60), False
    moment = reported
    for step in COURSES[case.crime.outcome]:
        moment += _hours(chance, *step.hours)
        if chance.random() > step.likely:
            continue
        yield step.event, moment, step.about_suspect
        if step.notice and chance.random() < 0.9:
            # Most victims are told within a day, some long after the limit of the Code, some never.
            late = chance.random() < 0.15
            yield (
                step.notice,
                moment + _hours(chance, *((120, 260) if late else (0.5, 26))),
                step.about_suspect,
            )


def referral_file(rows: Sequence[Mapping[str, str]]) -> bytes:
    """A police referral feed."""
    return _file(REFERRAL_FEED.columns, rows)


def events_file(rows: Sequence[Mapping[str, str]]) -> bytes:
    """A case-events feed."""
    return _file(CASE_EVENTS_FEED.columns, rows)


def _file(columns: Iterable[str], rows: Iterable[Mapping[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(columns), restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _hours(chance: Random, least: float, most: float) -> timedelta:
    return timedelta(hours=chance.uniform(least, most))


def _written(moment: datetime) -> str:
    # With its offset: in the hour that the clocks go back, wall time alone would be ambiguous.
    return moment.astimezone(times.LONDON).isoformat(timespec="seconds")


def _crime_number(told_at: PoliceReport, chance: Random) -> str:
    return f"21/{chance.randint(100_000, 999_999)}/{told_at.reported_at:%y}"


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"
