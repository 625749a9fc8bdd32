"""Invented cases for anything that computes clocks: seeded, and nasty where mistakes are likely.

A case is a document as in section 6 of the external contract: a plain JSON value. The same seed gives
the same cases for ever, so that a failure can be named by its seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from victim_gateway.compliance.editions import Entitlement, code_editions, condition_names

Case = dict[str, Any]

LONDON = ZoneInfo("Europe/London")
CATEGORIES = ("most_serious_crime", "persistently_targeted", "vulnerable_or_intimidated")
BASES = ("direct", "bereaved_relative", "parent_or_guardian", "spokesperson", "business_contact",
         "harmed_witness", "child_of_domestic_abuse")  # fmt: skip
OBSERVERS = ("partner", "victim_report", "gateway", "mixed", "nobody")
EDGE_DAYS = tuple(date.fromisoformat(day) for day in (
    # The first and last days of the editions.
    "2013-12-09", "2013-12-10", "2015-11-15", "2015-11-16", "2021-03-31", "2021-04-01",
    # Easter, Christmas, a royal funeral, jubilees and weekends.
    "2021-04-02", "2024-03-28", "2020-05-07", "2021-12-24", "2022-06-01", "2022-09-17", "2025-12-22",
    "2026-12-24", "2026-03-06", "2026-03-07",
    # The clocks change.
    "2026-03-28", "2026-03-29", "2026-10-24", "2026-10-25", "2019-03-31", "2014-10-26",
    # 29 February, and the first days of the bank-holiday table.
    "2020-02-29", "2024-02-28", "2013-01-02",
))  # fmt: skip
BEFORE_THE_TABLE = tuple(
    date.fromisoformat(day) for day in ("2006-04-02", "2006-04-03", "2006-04-04", "2009-08-31", "2012-12-28")
)
PAST_THE_TABLE = tuple(
    date.fromisoformat(day) for day in ("2027-12-15", "2027-12-29", "2027-12-30", "2027-12-31", "2028-01-04")
)
HOURS = (time(0, 0), time(0, 0, 1), time(0, 30), time(0, 59), time(9, 0), time(12, 0), time(23, 0),
         time(23, 30), time(23, 59, 59))  # fmt: skip
UNLIMITED_IN_2006 = ("investigation_started", "progress_update_given")
"""Events of the 2006 edition that start no counted limit, so that they can lie before the table."""


def cases(seed: int, count: int, *, outside_the_table: bool = False) -> Iterator[Case]:
    """`count` invented documents. With `outside_the_table`, some have due dates that can't be counted."""
    for number in range(count):
        yield _Maker(random.Random(f"{seed}/{number}"), outside_the_table).case()


class _Maker:
    """Makes one case around one day, so that its dates meet and cross."""

    def __init__(self, chance: random.Random, outside_the_table: bool) -> None:
        self.chance = chance
        self.event_names: tuple[str, ...] | None = None
        draw = chance.random()
        if outside_the_table and draw < 0.3:
            self.day = chance.choice(PAST_THE_TABLE + BEFORE_THE_TABLE)
        elif draw < 0.05:
            self.day = chance.choice(BEFORE_THE_TABLE)
            self.event_names = UNLIMITED_IN_2006
        elif draw < 0.6:
            self.day = chance.choice(EDGE_DAYS)
        else:
            self.day = date(2013, 1, 2) + timedelta(days=chance.randrange(5300))
        entitlements = [e for edition in code_editions() for e in edition.entitlements]
        in_force = [e for ed in code_editions() if ed.in_force_on(self.day) for e in ed.entitlements]
        limited = [e for e in in_force if e.limit is not None]
        # Few duties per case, so that starts, stops and refusals are about the same ones.
        self.duties: list[Entitlement] = chance.sample(limited or entitlements, 2)
        self.duties.append(chance.choice(in_force or entitlements))

    def case(self) -> Case:
        chance = self.chance
        case: Case = {"as_at": self._as_at(), "events": self._events()}
        if chance.random() < 0.95:
            case["facts"] = self._facts()
        return case

    def _day(self, before: int = 3, after: int = 12) -> date:
        return self.day + timedelta(days=self.chance.randint(-before, after))

    def _moment(self, day: date) -> datetime:
        return datetime.combine(day, self.chance.choice(HOURS), LONDON)

    def _written(self, moment: datetime) -> str:
        """The moment in UTC, with London's offset, or as wall time without any."""
        draw = self.chance.random()
        if draw < 0.5:
            return moment.astimezone(UTC).isoformat()
        if draw < 0.75:
            return moment.isoformat()
        return moment.replace(tzinfo=None).isoformat()

    def _as_at(self) -> str:
        return self._written(self._moment(self._day(after=40 if self.chance.random() < 0.3 else 10)))

    def _events(self) -> list[Case]:
        chance = self.chance
        events = [self._event() for _ in range(chance.randint(1, 7))]
        if chance.random() < 0.15:
            events.append(dict(chance.choice(events)))
        chance.shuffle(events)
        return events

    def _event(self) -> Case:
        chance = self.chance
        duty = chance.choice(self.duties)
        names = self.event_names or (duty.start_event, duty.stop_event)
        starts = chance.random() < 0.55
        occurred = self._moment(self._day(1, 2) if starts else self._day(1, 12))
        event: Case = {"event": names[0] if starts else names[1], "occurred_at": self._written(occurred)}
        if chance.random() < 0.4:
            delay = timedelta(days=chance.choice((-1, 0, 0, 1, 4, 9)), hours=chance.randint(0, 12))
            event["recorded_at"] = self._written(occurred + delay)
        if chance.random() < 0.5:
            event["subject"] = chance.choice(("s1", "s2", None))
        return event

    def _facts(self) -> Case:
        chance = self.chance
        facts: Case = {
            "enhanced": [self._period() for _ in range(chance.choice((0, 0, 1, 1, 2, 3)))],
            "conditions": self._conditions(),
            "observers": chance.sample(OBSERVERS, chance.randint(0, 2)),
            "declined": [
                {"entitlement_id": self._duty_id(), "at": self._written(self._moment(self._day()))}
                for _ in range(chance.choice((0, 0, 0, 1, 2)))
            ],
            "withheld_for_safety": [self._withheld() for _ in range(chance.choice((0, 0, 0, 1, 2)))],
            **self._age(),
        }
        if chance.random() < 0.7:
            facts["victim_basis"] = chance.choice(("direct", "business_contact", chance.choice(BASES)))
        if chance.random() < 0.15:
            facts["cancelled_at"] = self._written(self._moment(self._day()))
        return facts

    def _period(self) -> Case:
        chance = self.chance
        begun = self._day(4, 10)
        ended = None if chance.random() < 0.5 else begun + timedelta(days=chance.choice((-1, 0, 1, 2, 5, 30)))
        return {
            "category": chance.choice(CATEGORIES),
            "from": begun.isoformat(),
            "to": ended.isoformat() if ended else None,
        }

    def _conditions(self) -> dict[str, bool]:
        chance = self.chance
        names = [name for duty in self.duties for name in duty.applies_when]
        names += chance.sample(sorted(condition_names()), 2)
        conditions = {name: chance.random() < 0.8 for name in names if chance.random() < 0.3}
        if chance.random() < 0.3:
            conditions["named_contact"] = chance.random() < 0.5
        return conditions

    def _withheld(self) -> Case:
        begun = self._moment(self._day())
        until = begun + timedelta(days=self.chance.choice((-1, 0, 1, 3, 30)))
        return {
            "entitlement_id": self._duty_id(),
            "from": self._written(begun),
            "until": None if self.chance.random() < 0.5 else self._written(until),
        }

    def _duty_id(self) -> str:
        return self.chance.choice(self.duties).entitlement_id

    def _age(self) -> Case:
        """Dates that make the victim 17 or 18 to the day, or an adult, or nothing at all."""
        draw = self.chance.random()
        offence = self._day(10, 0)
        if draw < 0.4:
            return {"date_of_birth": "1990-05-04", "offence_on": offence.isoformat()}
        if draw < 0.6:
            return {"date_of_birth": None} if draw < 0.5 else {"offence_on": offence.isoformat()}
        years = self.chance.choice((17, 18))
        birthday = date(offence.year - years, offence.month, min(offence.day, 28))
        born = birthday + timedelta(days=self.chance.choice((-1, 0, 1)))
        return {"date_of_birth": born.isoformat(), "offence_on": offence.isoformat()}
