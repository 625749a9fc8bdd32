"""The fields of a person's document, and the keyed hashes by which a person can be found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from victim_gateway.crypto import BlindIndex, fold_text
from victim_gateway.phone_numbers import normal_phone, phone_hash, phone_readings
from victim_gateway.search_parts import person_numbers

__all__ = [
    "HASHED_CONTACT_FIELDS",
    "PERSON_FIELDS",
    "person_index_values",
    "name_and_birth_hash",
    "normal_phone",
    "phone_hash",
]

PERSON_FIELDS = (
    "title",
    "given_name",
    "family_name",
    "date_of_birth",
    "sex",
    "phone",
    "email",
    "address_line_1",
    "address_line_2",
    "town",
    "postcode",
    "language",
    "communication_needs",
    "organisation_name",
    "organisation_contact",
    "alias",
    "ethnicity",
    "phone_2",
    "phone_type",
    "safe_number",
    "safe_number_whose",
    "guardian_name",
    "guardian_relationship",
    "guardian_phone",
    "guardian_safe_to_contact",
    "uprn",
    "deceased",
)
HASHED_CONTACT_FIELDS = frozenset({"phone", "phone_2", "email", "postcode"})
"""Where a person is found, and where nobody is ever looked for who is harmed by them."""


def person_index_values(
    index: BlindIndex,
    document: Mapping[str, Any],
    *,
    force: str | None = None,
    victim_reference: str | None = None,
) -> dict[str, Any]:
    """The hash columns of `Person` for a document of PERSON_FIELDS; absent values give None or nothing.

    `victim_reference` is the force's stable id; the same id of two forces is two people.
    """
    email, postcode = document.get("email"), document.get("postcode")
    phones = [document[name] for name in ("phone", "phone_2") if document.get(name)]
    born = document.get("date_of_birth")
    name_tokens, search_parts = person_numbers(index, document)
    return {
        "victim_reference_hash": victim_reference_hash(index, force, victim_reference),
        "name_dob_hash": name_and_birth_hash(index, document),
        "dob_hash": index.hash_repeated("date_of_birth", born) if born else None,
        "phone_hashes": sorted(
            {phone_hash(index, each) for phone in phones for each in phone_readings(phone)}
        ),
        "email_hash": index.hash_value("email", email.strip().casefold()) if email else None,
        "postcode_hash": index.hash_repeated("postcode", fold_text(postcode)) if postcode else None,
        "name_tokens": name_tokens,
        "search_parts": search_parts,
    }


def victim_reference_hash(index: BlindIndex, force: str | None, victim_reference: str | None) -> bytes | None:
    """The hash of a force's stable id of a person or business; None where it gives none."""
    if not victim_reference:
        return None
    return index.hash_value("victim_reference", f"{fold_text(force or '')}\x1f{victim_reference}")


def name_and_birth_hash(index: BlindIndex, document: Mapping[str, Any]) -> bytes | None:
    """The hash of full name and birth date; None where any is missing: the rest would match other people."""
    given, family, born = (document.get(name) for name in ("given_name", "family_name", "date_of_birth"))
    if not (given and family and born):
        return None
    return index.hash_value("name_dob", f"{fold_text(given)}\x1f{fold_text(family)}\x1f{born}")
