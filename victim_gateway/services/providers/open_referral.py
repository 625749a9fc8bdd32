"""The directory as Open Referral data (HSDS 3.0, which the Open Referral UK profile is a part of), out and in.

What the standard has a field for stands in that field, for any reader. What it has none for is an attribute with a
taxonomy term, so that nothing is lost on the way back. A file is held against the published schema, which comes with
the program, before anything of it is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from config import AreaProfile
from victim_gateway.database.current import current_settings
from victim_gateway.errors import UnusableFile
from victim_gateway.rules.eligibility import SEX_PHRASES, VICTIM_TYPE_PHRASES
from victim_gateway.rules.harms import HARM_PHRASES
from victim_gateway.rules.service_capacity import describe_capacity
from victim_gateway.services.providers.directory_entries import (
    COLUMNS,
    NEEDED_COLUMNS,
    DirectoryEntry,
    WrongCells,
    build_entry,
    cells_of,
)
from victim_gateway.vocabulary import Harm

SCHEMAS = Path(__file__).resolve().parents[2] / "data" / "open-referral"
HSDS = SCHEMAS / "hsds-3.0-service.json"
TAXONOMY = "victim-gateway-directory"
MOST_SERVICES = 2_000
DEEPEST = 40
MOST_MISTAKES = 10
# Columns that a field of the standard says whole.
_PLAIN_FIELDS = {
    "service_name": "name",
    "service_description": "description",
    "email": "email",
    "website": "url",
    "accreditation": "accreditations",
    "min_age": "minimum_age",
    "max_age": "maximum_age",
}
_LISTED_FIELDS = {
    "phone": ("phones", "number"),
    "funder": ("funding", "source"),
    "languages": ("languages", "name"),
    "districts": ("service_areas", "name"),
}
_ORGANISATION_FIELDS = {"provider_name": "name", "provider_description": "description"}
_IN_FIELDS = {*_PLAIN_FIELDS, *_LISTED_FIELDS, *_ORGANISATION_FIELDS}
_NOT_BEFORE_KINDS = ("kind", "urgent_phone")
_CONTACT = ("contact_name", "contact_email")
_KINDS = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
}


def directory_as_open_referral(entries: Iterable[DirectoryEntry]) -> list[dict[str, Any]]:
    """Entries as services of HSDS 3.0, each with its organisation."""
    return [_document(entry) for entry in entries]


def is_open_referral(text: str) -> bool:
    """Whether a file is JSON and no CSV: no row of a directory starts with a bracket."""
    return text.lstrip()[:1] in ("{", "[")


def read_open_referral(text: str, area: AreaProfile) -> tuple[DirectoryEntry, ...]:
    """The entries of an HSDS file: a service, a list of them, or a page of them in `contents`.

    Raises UnusableFile with one plain line for each of the first mistakes; nothing is read half.
    """
    documents = _services_of(_parse(text))
    if not documents:
        raise UnusableFile("the file has no services")
    if len(documents) > MOST_SERVICES:
        raise UnusableFile(f"the file has more than {MOST_SERVICES:,} services")
    mistakes = list(islice(_schema_mistakes(documents), MOST_MISTAKES + 1))
    if mistakes:
        raise UnusableFile(_listed(mistakes))
    entries: list[DirectoryEntry] = []
    for number, document in enumerate(documents, start=1):
        try:
            entries.append(build_entry(_cells(document), area))
        except WrongCells as wrong:
            mistakes += [f"service {number}, {name}: {said}" for name, said in wrong.mistakes.items()]
        if len(mistakes) > MOST_MISTAKES:
            break
    if mistakes:
        raise UnusableFile(_listed(mistakes))
    return tuple(entries)


@cache
def open_referral_validator(schema: Path = HSDS) -> Draft202012Validator:
    """The published schema of one service, with the formats that it names."""
    return Draft202012Validator(
        json.loads(schema.read_text(encoding="utf-8")), format_checker=FormatChecker()
    )


def _parse(text: str) -> Any:
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
        deep = _is_deeper_than(found, DEEPEST)
    except RecursionError:
        deep = True
    except ValueError as error:
        raise UnusableFile(f"the file is not JSON: {error}") from error
    if deep:
        raise UnusableFile(f"the file is nested more than {DEEPEST} levels deep")
    if not _is_storable(found):
        raise UnusableFile("the file has characters that are no text")
    return found


def _is_storable(found: Any) -> bool:
    """Whether all its text can be kept: JSON can name characters that are none, such as half of a pair."""
    text = json.dumps(found, ensure_ascii=False)
    return "\\u0000" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _is_deeper_than(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [
            part
            for each in level
            if isinstance(each, dict | list)
            for part in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True


def _services_of(found: Any) -> list[Any]:
    if isinstance(found, dict) and isinstance(found.get("contents"), list):
        found = found["contents"]
    return list(found) if isinstance(found, list) else [found]


def _schema_mistakes(documents: Sequence[Any]) -> Iterator[str]:
    validator = open_referral_validator()
    for number, document in enumerate(documents, start=1):
        for error in validator.iter_errors(document):
            yield f"service {number}, {_where(error)}: {_what_is_wrong(error)}"


def _where(error: ValidationError) -> str:
    return ".".join(str(part) for part in error.absolute_path)[:120] or "the whole"


def _what_is_wrong(error: ValidationError) -> str:
    """What the schema asks for, in plain words; never what the file says, which may be anything."""
    asked: Any = error.validator_value
    match error.validator:
        case "required":
            # One error for each name that is missing; which one it is stands in its message alone.
            lacking = next((name for name in asked if error.message.startswith(f"'{name}'")), asked[0])
            return f"{lacking} is missing"
        case "type":
            return f"it must be {_KINDS.get(str(asked), 'of another kind')}"
        case "enum":
            return f"it must be one of {', '.join(map(str, asked))}"
        case "format":
            return f"it must be written as {asked}"
        case _:
            return "it does not fit the published schema"


def _listed(mistakes: Sequence[str]) -> str:
    shown = [mistake[:400] for mistake in mistakes[:MOST_MISTAKES]]
    return "\n".join([*shown, *(["there is more that is wrong"] if len(mistakes) > MOST_MISTAKES else [])])


def _cells(document: Mapping[str, Any]) -> dict[str, str]:
    """The row of text that a service says. What it does not say at all is missing, so that it stays as stored."""
    attributes = list(_attributes(document))
    codes = {code for code, _ in attributes}
    cells = {
        code: ";".join(value for each, value in attributes if each == code)
        for code in COLUMNS
        if code in codes and code not in _IN_FIELDS
    }
    for column, name in _PLAIN_FIELDS.items():
        value = document.get(name)
        if value is not None:
            cells[column] = f"{value:g}" if isinstance(value, int | float) else str(value)
    for column, (name, part) in _LISTED_FIELDS.items():
        values = [str(each[part]) for each in document.get(name) or () if part in each]
        if values:
            cells[column] = ";".join(values) if column in ("languages", "districts") else values[0]
    organisation = document.get("organization") or {}
    for column, name in _ORGANISATION_FIELDS.items():
        if name in organisation:
            cells[column] = str(organisation[name])
    # An attribute that says nothing was left out when the file was written by us.
    is_ours = "service_key" in cells
    said = dict.fromkeys(COLUMNS if is_ours else NEEDED_COLUMNS, "")
    # We always write the kind: a file of ours without it is from before there were kinds, and leaves it as stored.
    newer: tuple[str, ...] = () if "kind" in cells else _NOT_BEFORE_KINDS
    # One without a contact may be from before there were contacts: it never takes one away, which ends links.
    newer += () if any(column in cells for column in _CONTACT) else _CONTACT
    return {column: text for column, text in {**said, **cells}.items() if column not in newer}


def _attributes(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for attribute in document.get("attributes") or ():
        term = attribute.get("taxonomy_term") or {}
        if term.get("taxonomy") == TAXONOMY and isinstance(term.get("code"), str) and "value" in attribute:
            yield term["code"], str(attribute["value"])


def _document(entry: DirectoryEntry) -> dict[str, Any]:
    cells = cells_of(entry)

    def identify(*parts: object) -> str:
        return str(
            uuid5(NAMESPACE_URL, "/".join(["urn:victim-gateway", entry.service_key, *map(str, parts)]))
        )

    document: dict[str, Any] = {
        "id": identify(),
        "status": _status(entry),
        "eligibility_description": _eligibility(entry),
        "wait_time": describe_capacity(entry.statement),
        "organization": {
            "id": str(uuid5(NAMESPACE_URL, f"urn:victim-gateway/organisation/{entry.provider_key}")),
            "name": entry.provider_name,
            "description": entry.provider_description,
        },
        "schedules": [_schedule(entry, identify("schedule"))],
    }
    for column, name in _PLAIN_FIELDS.items():
        value = getattr(entry, column)
        if value is not None:
            document[name] = value
    for column, (name, part) in _LISTED_FIELDS.items():
        value = getattr(entry, column)
        values = value if isinstance(value, tuple) else (value,) if value else ()
        if values:
            document[name] = [{"id": identify(name, each), part: each} for each in values]
    document["attributes"] = [
        _attribute(column, part, identify)
        for column in COLUMNS
        if column not in _IN_FIELDS and cells[column]
        for part in (
            cells[column].split(";") if isinstance(getattr(entry, column), tuple) else [cells[column]]
        )
    ]
    return document


def _attribute(column: str, value: str, identify: Any) -> dict[str, Any]:
    label = column.replace("_", " ").capitalize()
    return {
        "id": identify("attribute", column, value),
        "link_id": identify(),
        "link_type": "taxonomy_term",
        "link_entity": "service",
        "value": value,
        "taxonomy_term": {
            "id": str(uuid5(NAMESPACE_URL, f"urn:victim-gateway/term/{column}")),
            "code": column,
            "name": label,
            "description": f"{label} of a service for people harmed by crime",
            "taxonomy": TAXONOMY,
        },
    }


def _status(entry: DirectoryEntry) -> str:
    if entry.service_retired_on or entry.provider_retired_on:
        return "defunct"
    return "active" if entry.open else "temporarily closed"


def _schedule(entry: DirectoryEntry, schedule_id: str) -> dict[str, Any]:
    ends = [day for day in (entry.active_until, entry.ends_on) if day]
    schedule = {
        "id": schedule_id,
        "valid_from": max(entry.active_from, entry.starts_on or entry.active_from).isoformat(),
    }
    if ends:
        schedule["valid_to"] = min(ends).isoformat()
    if entry.hours:
        schedule["description"] = entry.hours
    return schedule


def _eligibility(entry: DirectoryEntry) -> str:
    needs = dict(current_settings().area.needs.areas)
    phrases = [f"for {VICTIM_TYPE_PHRASES[kind]}" for kind in entry.victim_types]
    phrases += [f"for {SEX_PHRASES[sex]}" for sex in entry.sexes]
    phrases += [f"after {HARM_PHRASES[Harm(harm)]}" for harm in entry.harms]
    phrases += [f"helps with {needs.get(need, need).lower()}" for need in entry.needs]
    return " ".join(part for part in (entry.eligibility, "; ".join(phrases)) if part)
