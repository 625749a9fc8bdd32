"""How many people a service can take: what its provider last said, what that means for a choice, when it is old.

A provider publishes one of five statements. Only two of them mean that it is full: closed, and no place
left. A waiting list takes people. A number of places goes down by one with each person the provider accepts, until it
confirms or sets the number again: the provider counts people who came another way itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from victim_gateway.provider_vocabulary import ServiceCapacity

MOST_PLACES = 9_999
MOST_WAITING = 99_999
LONGEST_WAIT_DAYS = 3_650

# Free places first, then what is not known before an assessment, then a queue.
_ORDER = {
    ServiceCapacity.PLACES: 0,
    ServiceCapacity.OPEN: 0,
    ServiceCapacity.AFTER_ASSESSMENT: 1,
    ServiceCapacity.WAITING_LIST: 2,
    ServiceCapacity.CLOSED: 3,
}


@dataclass(frozen=True, slots=True)
class CapacityStatement:
    """What a provider last said of one service.

    `places` belongs to a number of places, `waiting_people` to a waiting list; `wait_days` is how long people wait
    today, None where that is not known. `confirmed_on` is the London date of the last confirmation, None: never.
    """

    kind: ServiceCapacity = ServiceCapacity.OPEN
    places: int | None = None
    waiting_people: int | None = None
    wait_days: int | None = None
    confirmed_on: date | None = None

    @property
    def is_full(self) -> bool:
        """Whether it takes no more people, so that an offer needs an override with a reason."""
        return self.kind is ServiceCapacity.CLOSED or (
            self.kind is ServiceCapacity.PLACES and not self.places
        )

    def says_the_same_as(self, other: CapacityStatement) -> bool:
        """Whether both say the same of the service, whenever each was confirmed."""
        return replace(self, confirmed_on=None) == replace(other, confirmed_on=None)

    def age_days(self, on: date) -> int | None:
        """Days since the last confirmation; None where there was none."""
        return None if self.confirmed_on is None else max((on - self.confirmed_on).days, 0)

    def is_stale(self, on: date, stale_after_days: int) -> bool:
        """Whether it was confirmed too long ago to go by, or never."""
        age = self.age_days(on)
        return age is None or age > stale_after_days


def capacity_order(statement: CapacityStatement) -> int:
    """Where a service stands among those that fit equally well: lower is offered first."""
    return _ORDER[ServiceCapacity.CLOSED] if statement.is_full else _ORDER[statement.kind]


def describe_capacity(statement: CapacityStatement) -> str:
    """What a provider said, as a page writes it: `3 places`, `Waiting list: 12 people, about 20 days`."""
    match statement.kind:
        case ServiceCapacity.CLOSED:
            return f"Closed to new people{_after_wait(statement, ', people wait about ')}"
        case ServiceCapacity.PLACES:
            if not statement.places:
                return f"Full: no places left{_after_wait(statement, ', people wait about ')}"
            return f"{_count(statement.places, 'place')}{_after_wait(statement, ', people wait about ')}"
        case ServiceCapacity.WAITING_LIST:
            people = statement.waiting_people
            parts = [
                *([_count(people, "person", "people")] if people is not None else []),
                *([f"about {_count(statement.wait_days, 'day')}"] if statement.wait_days is not None else []),
            ]
            return f"Waiting list: {', '.join(parts)}" if parts else "Waiting list, its length is not known"
        case ServiceCapacity.AFTER_ASSESSMENT:
            return f"Known only after their assessment{_after_wait(statement, ', people wait about ')}"
        case ServiceCapacity.OPEN:
            return f"Open{_after_wait(statement, ', people wait about ')}"


def describe_confirmation(
    statement: CapacityStatement, on: date, stale_after_days: int, *, is_own: bool = False
) -> str:
    """When it was last confirmed; of one that is too old to go by, what to do. `is_own`: the provider reads it."""
    age = statement.age_days(on)
    if age is None:
        return "You have not confirmed this yet" if is_own else "Nobody has confirmed this: ask them"
    when = {0: "today", 1: "yesterday"}.get(age, f"{age} days ago")
    return f"Last confirmed {when}{', ask them' if age > stale_after_days and not is_own else ''}"


def take_one_place(statement: CapacityStatement) -> CapacityStatement:
    """What stands after one person was accepted: one place less where a number of places was published."""
    if statement.kind is not ServiceCapacity.PLACES or not statement.places:
        return statement
    return replace(statement, places=statement.places - 1)


def find_capacity_mistakes(statement: CapacityStatement) -> Mapping[str, str]:
    """What is wrong with a statement, by the name of its part; empty where it may stand."""
    wrong: dict[str, str] = {}
    is_counted = statement.kind is ServiceCapacity.PLACES
    has_queue = statement.kind is ServiceCapacity.WAITING_LIST
    if is_counted and statement.places is None:
        wrong["places"] = "Enter how many places there are, 0 for none"
    elif statement.places is not None and not is_counted:
        wrong["places"] = "A number of places is only said where there is a number of places"
    elif statement.places is not None and not 0 <= statement.places <= MOST_PLACES:
        wrong["places"] = f"Enter a number of places from 0 to {MOST_PLACES:,}"
    if statement.waiting_people is not None and not has_queue:
        wrong["waiting_people"] = "How many people wait is only said of a waiting list"
    elif statement.waiting_people is not None and not 0 <= statement.waiting_people <= MOST_WAITING:
        wrong["waiting_people"] = f"Enter a number of people from 0 to {MOST_WAITING:,}"
    if statement.wait_days is not None and not 0 <= statement.wait_days <= LONGEST_WAIT_DAYS:
        wrong["wait_days"] = f"Enter a number of days from 0 to {LONGEST_WAIT_DAYS:,}"
    elif statement.kind is ServiceCapacity.OPEN and statement.wait_days:
        wrong["wait_days"] = "Where people wait, choose the waiting list"
    return wrong


def capacity_of_older_columns(is_open: bool, wait_days: int | None) -> CapacityStatement:
    """What a file or a release that knows only open and a wait says."""
    if not is_open:
        return CapacityStatement(ServiceCapacity.CLOSED, wait_days=wait_days)
    kind = ServiceCapacity.WAITING_LIST if wait_days else ServiceCapacity.OPEN
    return CapacityStatement(kind, wait_days=wait_days)


def agrees_with_older_columns(statement: CapacityStatement, is_open: bool, wait_days: int | None) -> bool:
    """Whether open and a wait say nothing else than a fuller statement does."""
    return statement.is_full is not is_open and statement.wait_days == wait_days


def _after_wait(statement: CapacityStatement, before: str) -> str:
    return f"{before}{_count(statement.wait_days, 'day')}" if statement.wait_days else ""


def _count(number: int | None, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
