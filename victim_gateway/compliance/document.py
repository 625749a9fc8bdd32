"""Read facts and events from a JSON document; unreadable values are refused with their place, never guessed."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from victim_gateway.compliance.editions import (
    EnhancedCategory,
    condition_names,
    entitlement_ids,
    event_names,
    observer_names,
)
from victim_gateway.compliance.facts import (
    NAMED_CONTACT,
    Declined,
    EnhancedPeriod,
    Event,
    Facts,
    VictimBasis,
    Withheld,
)
from victim_gateway.errors import InvalidInput
from victim_gateway.times import london_date, parse_moment

_DOCUMENT_KEYS = frozenset({"as_at", "facts", "events"})
_FACT_KEYS = frozenset({
    "victim_basis", "date_of_birth", "offence_on", "enhanced", "conditions", "observers", "declined",
    "withheld_for_safety", "cancelled_at",
})  # fmt: skip
_EVENT_KEYS = frozenset({"event", "occurred_at", "recorded_at", "subject"})
_DESCRIPTIVE_KEYS = frozenset({"source", "note", "feed_reference"})
"""Columns of the case-events feed that describe an event and change no clock."""

_Item = TypeVar("_Item")
_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Document:
    """The input of one evaluation: facts, events and the moment to evaluate as at."""

    as_at: datetime
    facts: Facts
    events: tuple[Event, ...]
    remarks: tuple[str, ...]
    """What was ignored, for a person to check."""


def read_json(content: bytes) -> object:
    """The value in a JSON file, UTF-8 with or without a byte-order mark.

    Raises InvalidInput for anything else, and for a key that appears twice, since one of the two
    would be lost.
    """
    try:
        return json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_refuse_constant
        )
    except UnicodeDecodeError as error:
        raise InvalidInput("not a JSON document: it is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InvalidInput(f"not a JSON document: {error.msg} at {where}") from error
    except (RecursionError, ValueError) as error:
        raise InvalidInput("not a JSON document that can be read: too deep, or a number too long") from error


def read_document(value: object) -> Document:
    """A document from its JSON value. Raises InvalidInput: the place, a colon, and what is wrong there."""
    fields = _mapping(value, "the top level")
    as_at = _moment(_required(fields, "as_at", ""), "as_at")
    facts = _facts(fields.get("facts"))
    events = _required(fields, "events", "")
    if not isinstance(events, list):
        raise InvalidInput("events: must be a list")
    return Document(
        as_at=as_at,
        facts=facts,
        events=tuple(_event(item, f"event {number}") for number, item in enumerate(events, start=1)),
        remarks=_remarks(fields, facts),
    )


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads but JSON does not have."""
    raise InvalidInput(f"not a JSON document: {name} is not a number in JSON")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(f"the key {_shown(twice)} appears twice in one object")
    return fields


def _remarks(document: Mapping[str, object], facts: Facts) -> tuple[str, ...]:
    ignored = sorted(set(document) - _DOCUMENT_KEYS)
    unused = sorted(set(facts.conditions) - condition_names() - {NAMED_CONTACT})
    return (
        *(f"ignored the unknown key {_shown(key)}" for key in ignored),
        *(f"no entitlement depends on the condition {_shown(name)}" for name in unused),
    )


def _facts(value: object) -> Facts:
    if value is None:
        return Facts()
    fields = _mapping(value, "facts")
    _no_other_keys(fields, _FACT_KEYS, "facts")
    basis, cancelled = fields.get("victim_basis"), fields.get("cancelled_at")
    date_of_birth = _optional_date(fields.get("date_of_birth"), "facts, date_of_birth")
    offence_on = _optional_date(fields.get("offence_on"), "facts, offence_on")
    if date_of_birth is not None and offence_on is not None and date_of_birth > offence_on:
        raise InvalidInput(f"facts, date_of_birth: {date_of_birth} is after offence_on, {offence_on}")
    return Facts(
        victim_basis=None if basis is None else _choice(VictimBasis, basis, "facts, victim_basis"),
        date_of_birth=date_of_birth,
        offence_on=offence_on,
        enhanced=_items(fields, "enhanced", _enhanced),
        conditions=_conditions(fields.get("conditions")),
        observers=_observers(fields.get("observers")),
        declined=_items(fields, "declined", _declined),
        withheld_for_safety=_items(fields, "withheld_for_safety", _withheld),
        cancelled_at=None if cancelled is None else _moment(cancelled, "facts, cancelled_at"),
    )


def _items(
    facts: Mapping[str, object], key: str, read: Callable[[Mapping[str, object], str], _Item]
) -> tuple[_Item, ...]:
    value = facts.get(key)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise InvalidInput(f"facts, {key}: must be a list")
    places = [f"facts, {key} {number}" for number in range(1, len(value) + 1)]
    return tuple(read(_mapping(item, place), place) for item, place in zip(value, places, strict=True))


def _enhanced(item: Mapping[str, object], where: str) -> EnhancedPeriod:
    _no_other_keys(item, frozenset({"category", "from", "to"}), where)
    return EnhancedPeriod(
        category=_choice(EnhancedCategory, _required(item, "category", where), f"{where}, category"),
        from_on=_date(_required(item, "from", where), f"{where}, from"),
        to_on=_optional_date(item.get("to"), f"{where}, to"),
    )


def _declined(item: Mapping[str, object], where: str) -> Declined:
    _no_other_keys(item, frozenset({"entitlement_id", "at"}), where)
    return Declined(_entitlement_id(item, where), _moment(_required(item, "at", where), f"{where}, at"))


def _withheld(item: Mapping[str, object], where: str) -> Withheld:
    _no_other_keys(item, frozenset({"entitlement_id", "from", "until"}), where)
    until = item.get("until")
    return Withheld(
        entitlement_id=_entitlement_id(item, where),
        from_at=_moment(_required(item, "from", where), f"{where}, from"),
        until_at=None if until is None else _moment(until, f"{where}, until"),
    )


def _entitlement_id(item: Mapping[str, object], where: str) -> str:
    value = _required(item, "entitlement_id", where)
    if not isinstance(value, str) or value not in entitlement_ids():
        raise InvalidInput(f"{where}: unknown entitlement_id {_shown(value)}")
    return value


def _conditions(value: object) -> dict[str, bool]:
    read: dict[str, bool] = {}
    for name, holds in _mapping({} if value is None else value, "facts, conditions").items():
        if not isinstance(holds, bool):
            raise InvalidInput(f"facts, conditions, {_shown(name)}: must be true or false")
        read[name] = holds
    return read


def _observers(value: object) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise InvalidInput("facts, observers: must be a list of names")
    unknown = sorted(set(value) - observer_names())
    if unknown:
        known = ", ".join(sorted(observer_names()))
        raise InvalidInput(f"facts, observers: unknown observer {_shown(unknown[0])}, must be one of {known}")
    return frozenset(value)


def _event(value: object, where: str) -> Event:
    fields = _mapping(value, where)
    _no_other_keys(fields, _EVENT_KEYS | _DESCRIPTIVE_KEYS, where)
    name = _required(fields, "event", where)
    if not isinstance(name, str) or name not in event_names():
        raise InvalidInput(f"{where}: unknown event {_shown(name)}")
    occurred_at = _moment(_required(fields, "occurred_at", where), f"{where}, occurred_at")
    recorded = fields.get("recorded_at")
    recorded_at = occurred_at if recorded is None else _moment(recorded, f"{where}, recorded_at")
    if recorded_at < occurred_at:
        raise InvalidInput(f"{where}, recorded_at: {_shown(recorded)} is before occurred_at")
    subject = fields.get("subject")
    if subject is not None and not isinstance(subject, str):
        raise InvalidInput(f"{where}, subject: must be text")
    return Event(
        event=name,
        occurred_at=occurred_at,
        recorded_at=recorded_at,
        # A blank says no more about the suspect than none at all, as in the feed's empty column.
        subject=subject if subject and subject.strip() else None,
    )


def _moment(value: object, where: str) -> datetime:
    try:
        moment = parse_moment(_text(value, where))
        # The first and last moments that Python can hold have no date in London.
        london_date(moment)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"{where}: unreadable time {_shown(value)}") from error
    return moment


def _optional_date(value: object, where: str) -> date | None:
    return None if value is None else _date(value, where)


def _date(value: object, where: str) -> date:
    try:
        return date.fromisoformat(_text(value, where).strip())
    except ValueError as error:
        raise InvalidInput(f"{where}: unreadable date {_shown(value)}") from error


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{where}: must be text, not {_shown(value)}")
    return value


def _choice(choices: type[_Choice], value: object, where: str) -> _Choice:
    try:
        return choices(_text(value, where))
    except ValueError as error:
        raise InvalidInput(f"{where}: must be one of {', '.join(choices)}, not {_shown(value)}") from error


def _mapping(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{where}: must be a JSON object")
    return value


def _required(fields: Mapping[str, object], key: str, where: str) -> object:
    if fields.get(key) is None:
        raise InvalidInput(f"{where}, {key}: is missing" if where else f"{key}: is missing")
    return fields[key]


def _no_other_keys(fields: Mapping[str, object], known: frozenset[str], where: str) -> None:
    # A misspelt fact would otherwise change the answer silently.
    other = sorted(set(fields) - known)
    if other:
        raise InvalidInput(f"{where}: unknown key {_shown(other[0])}")


def _shown(value: object) -> str:
    """A value as it may stand in one line: escaped, and cut when long."""
    return ascii(value) if isinstance(value, str) and len(value) < 80 else reprlib.repr(value)
