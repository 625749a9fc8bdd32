"""Explain a clock's status in one plain-English sentence that names the paragraph.

A sentence has no double negative: what is said of the outcome is worded as what holds, since the duty itself
may be about a decision "not to investigate".
"""

from __future__ import annotations

from datetime import date, datetime

from victim_gateway.compliance.clocks import Clock, Ground, Status
from victim_gateway.compliance.editions import LOCAL, Entitlement
from victim_gateway.compliance.plain_wording import duty_wording, reason_left_out
from victim_gateway.times import london_date

_OWNERS = {
    "cps": "the Crown Prosecution Service",
    "hmcts": "the courts service",
    "probation": "the probation service",
    "any_service_provider": "the service provider",
}
_SUBJECT_FIRST = (
    ("Court passes ", "pass "),
    ("Highest court tells ", "tell "),
    ("Victim Liaison Officer makes ", "make "),
)
"""Duties that the table words as statements, and the same as what the owner had to do."""


def explain_clock(clock: Clock) -> str:
    """One sentence: the paragraph, who had to do what by when, and what is known of it."""
    return f"{_citation(clock)}: {_duty(clock)}; {_learned_late(clock)}{_outcome(clock)}."


def _citation(clock: Clock) -> str:
    title, paragraph = clock.edition.title, clock.entitlement.paragraph
    if not paragraph:
        return title if clock.edition.key == LOCAL else f"{title} (paragraph number still to be found)"
    number = paragraph.removesuffix("~")
    remarks = []
    if number.isdigit():
        remarks.append("the Right as a whole")
    if number != paragraph:
        remarks.append("from memory")
    remark = f" ({', '.join(remarks)})" if remarks else ""
    # The editions of 2013 and 2015 are cited by chapter and section, as in "Ch2 Part A s1".
    place = f"paragraph {number}" if number[:1].isdigit() else number
    return f"{title}, {place}{remark}"


def _duty(clock: Clock) -> str:
    owner, task = _owner(clock.entitlement.owner), _task(clock.entitlement)
    if clock.due_on is None or clock.limit is None:
        rights = " (enhanced rights)" if clock.enhanced else ""
        return f"from {_day(clock.start.occurred_on)}{rights} {owner} had to {task} (no time limit)"
    return f"{owner} had {_limit(clock)} to {task}"


def _limit(clock: Clock) -> str:
    started, due = _day(clock.start.occurred_on), _day(clock.due_on)
    if clock.enhanced_from is None:
        rights = " (enhanced rights)" if clock.enhanced else ""
        return f"{_working_days(clock.limit)}{rights} from {started}, until {due},"
    begun = _day(clock.enhanced_from)
    if clock.due_on == clock.due_without_change_on:
        standard = _working_days(clock.entitlement.limit)
        return f"{standard} from {started}, until {due} (enhanced rights began on {begun}, too late to change it),"
    return f"{_working_days(clock.limit)} from {begun}, when enhanced rights began, until {due},"


def _outcome(clock: Clock) -> str:
    """The end of the sentence for each status; days are London dates."""
    if clock.standing.ground is not None:
        return _set_aside(clock, clock.standing.ground)
    as_at = _moment(clock.as_at)
    if clock.status is Status.MET:
        in_time = "" if clock.due_on is None else ", in time"
        return f"it was done on {_moment(clock.stopped_at)}{in_time}"
    if clock.status is Status.MET_LATE:
        return f"it was done on {_moment(clock.stopped_at)}, after that day"
    if clock.status is Status.RUNNING:
        still = "it was still open" if clock.due_on is None else "there is still time"
        return f"on {as_at} {still}"
    if clock.status is Status.OVERDUE:
        return "nothing shows that it was done"
    return "whether it was done is unknown, because it would be recorded only outside this service"


def _set_aside(clock: Clock, ground: Ground) -> str:
    at = _moment(clock.standing.at)
    return {
        Ground.CONDITION_FALSE: f"it is left out here, because {reason_left_out(clock.standing.condition or '')}",
        Ground.NO_NAMED_CONTACT: "it is left out here, because a business is owed it only with a named contact",
        Ground.CANCELLED: f"it no longer applies, because the crime was cancelled on {at}",
        Ground.DECLINED: f"the victim declined this on {at}",
        Ground.CLOSED: f"the referral was closed on {at} and it had not been done",
        Ground.WITHHELD: f"it has been withheld since {at}, to keep the victim safe",
    }[ground]


def _learned_late(clock: Clock) -> str:
    """Of an area's own standard that had run out before we could know of it."""
    learned_on = london_date(clock.start.recorded_at)
    if clock.edition.key != LOCAL or clock.due_on is None or learned_on <= clock.due_on:
        return ""
    return f"it reached us only on {_day(learned_on)}, so it was due at once; "


def _task(entitlement: Entitlement) -> str:
    text = duty_wording(entitlement)
    for statement, task in _SUBJECT_FIRST:
        if text.startswith(statement):
            return task + text.removeprefix(statement)
    return text[:1].lower() + text[1:]


def _owner(owner: str) -> str:
    return _OWNERS.get(owner, f"the {_spaced(owner)}")


def _spaced(name: str | None) -> str:
    return (name or "").replace("_", " ")


def _working_days(limit: int | None) -> str:
    return "1 working day" if limit == 1 else f"{limit} working days"


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else _day(london_date(moment))


def _day(day: date | None) -> str:
    # The names are spelt out here because strftime would take them from the machine's language.
    if day is None:
        return ""
    weekday = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")[day.weekday()]
    return f"{weekday} {day.day} {_MONTHS[day.month - 1]} {day.year}"


_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
