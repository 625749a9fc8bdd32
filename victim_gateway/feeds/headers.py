"""The names in a file's header: which known column each of them is, and which columns are never kept.

Names are compared folded (`fold_header`), so that `Safe To Contact` and `safe-to-contact` are one column.
Besides, each column has the other names that forces use for it: data, in `SYNONYMS`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from victim_gateway.errors import UnusableFile
from victim_gateway.feeds.folding import fold_header
from victim_gateway.feeds.problems import NEAR_MISS, NEVER_KEPT, Problem

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "feed_reference": ("feed ref", "referral reference", "referral ref", "referral id"),
    "force": ("police force", "force name"),
    "crime_number": ("crime no", "crime ref", "crime reference", "crime reference number", "crime ref no"),
    "incident_number": ("incident no", "incident ref", "incident reference", "log number"),
    "offence": ("offence description", "offence type", "offense"),
    "offence_code": ("home office code", "ho code", "cjs code"),
    "occurred_from": ("offence from", "offence date from", "occurred from date"),
    "occurred_to": ("offence to", "offence date to", "occurred to date"),
    "reported_at": ("reported date", "date reported", "reported on", "report date", "reported date time"),
    "transferred_at": ("transferred date", "date transferred", "referral date", "referred at"),
    "victim_reference": ("victim ref", "victim id", "victim reference number"),
    "given_name": ("forename", "forenames", "first name", "given names", "victim forename"),
    "family_name": ("surname", "last name", "victim surname"),
    "alias": ("aliases", "also known as", "aka"),
    "date_of_birth": ("dob", "birth date", "date birth", "victim dob"),
    "sex": ("gender",),
    "ethnicity": ("self defined ethnicity", "ethnic group", "ethnic origin"),
    "phone": ("telephone", "telephone number", "phone number", "phone no", "tel", "tel no"),
    "phone_2": ("second phone", "telephone 2", "other phone", "alternative phone"),
    "email": ("email address",),
    "address_line_1": ("address 1",),
    "address_line_2": ("address 2",),
    "postcode": ("postal code",),
    "safe_number": ("safe phone", "safe telephone", "safe contact number"),
    "safe_to_contact": ("is it safe to contact", "is safe to contact"),
    "safe_contact_note": ("safe contact notes", "safe contact details"),
    "interpreter_needed": ("interpreter required", "needs interpreter"),
    "guardian_name": ("parent name", "parent or guardian name"),
    "guardian_phone": ("parent phone", "parent or guardian phone"),
    "consent_to_referral": ("consent", "consent to refer", "victim consent"),
    "vulnerable": ("vulnerable victim", "is vulnerable"),
    "intimidated": ("intimidated victim", "is intimidated"),
    "domestic_abuse": ("domestic violence", "domestic abuse flag", "is domestic abuse", "da flag"),
    "hate_strand": ("hate crime", "hate crime strand", "hate strands"),
    "relationship_to_suspect": (
        *("relationship to offender", "relationship to accused", "relationship to perpetrator"),
        *("suspect relationship", "relationship with suspect", "offender relationship"),
    ),
    "children_present": ("children present at incident",),
    "repeat_victim": ("is repeat victim",),
    "uprn": ("unique property reference number",),
    "risk_assessment": ("risk grade", "risk level", "dash risk"),
    "officer_name": ("oic", "officer in case", "officer in the case"),
    "officer_email": ("oic email",),
    "deceased": ("is deceased", "date of death"),
    # of the case-events feed
    "event": ("event name",),
    "occurred_at": ("occurred date", "date occurred"),
    "recorded_at": ("recorded date", "date recorded"),
}

# A suspect's details and official identity numbers are no business of a service for victims.
_NEVER_KEPT_PART = re.compile(
    "suspect|offender|perpetrator|accused|defendant|assailant|passport|nationalinsurance|arrestsummons|"
    "driv(?:ing|er|ers)licen[cs]e|licen[cs]en(?:o|umber)|photo|mugshot|fingerprint|biometric|nhsn(?:o|umber)"
)
_NEVER_KEPT_TOKENS = frozenset({"pnc", "pncid", "cro", "asn", "ni", "nino", "image", "images", "perp", "dna"})
_NEVER_KEPT_WHOLE = frozenset({"pncnumber", "pncno", "cronumber", "crono", "ninumber", "picture", "licence"})
_TOKENS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_LIKENESS = 0.8


@dataclass(frozen=True, slots=True)
class HeaderRead:
    """`names` are the columns in file order: a known column's own name, else the header's in small letters.

    `never_kept` are those of `names` that must not be read; `warnings` say what a person should know.
    """

    names: tuple[str, ...]
    never_kept: frozenset[str]
    warnings: tuple[Problem, ...]


def read_header(cells: Sequence[str], columns: Sequence[str]) -> HeaderRead:
    """The columns of a header. Raises UnusableFile where two of its names mean one column.

    A column without a name is called after its place.
    """
    known = _known_names(columns)
    names = []
    given_for: dict[str, str] = {}
    twice = set()
    for place, cell in enumerate(cells, start=1):
        given = cell.strip().lower()
        name = known.get(fold_header(cell)) or given or f"column_{place}"
        if name in given_for:
            twice.add(name if given_for[name] == given else f"{name} (as {given_for[name]} and {given})")
        given_for.setdefault(name, given)
        names.append(name)
    if twice:
        raise UnusableFile(f"The header names a column twice: {', '.join(sorted(twice))}.")
    never_kept = frozenset(
        name for name, cell in zip(names, cells, strict=True) if name not in columns and is_never_kept(cell)
    )
    warnings = [_never_kept_warning(name) for name in names if name in never_kept]
    warnings += _near_misses(names, never_kept, columns)
    return HeaderRead(tuple(names), never_kept, tuple(warnings))


def is_never_kept(header: str) -> bool:
    """Whether a column of this name has a suspect's details or an official identity number."""
    folded = fold_header(header)
    if _NEVER_KEPT_PART.search(folded) or folded in _NEVER_KEPT_WHOLE:
        return True
    return any(word.lower() in _NEVER_KEPT_TOKENS for word in _TOKENS.findall(header))


def likely_column(header: str, columns: Collection[str]) -> str | None:
    """The column that a name which means none of them was probably meant for."""
    by_folded = {fold_header(column): column for column in columns}
    close = difflib.get_close_matches(fold_header(header), by_folded, n=1, cutoff=_LIKENESS)
    return by_folded[close[0]] if close else None


def _known_names(columns: Sequence[str]) -> dict[str, str]:
    names = {fold_header(other): column for column in columns for other in SYNONYMS.get(column, ())}
    return names | {fold_header(column): column for column in columns}


def _never_kept_warning(name: str) -> Problem:
    message = f"The column {name} was left out: a suspect's details and identity numbers are never kept."
    return Problem(name, NEVER_KEPT, message)


def _near_misses(names: Sequence[str], never_kept: Collection[str], columns: Sequence[str]) -> list[Problem]:
    absent = [column for column in columns if column not in names]
    found = []
    for name in names:
        if name in columns or name in never_kept:
            continue
        column = likely_column(name, absent)
        if column is not None:
            message = f"The column {name} is not known; did you mean {column}? It was kept and not used."
            found.append(Problem(name, NEAR_MISS, message))
    return found
