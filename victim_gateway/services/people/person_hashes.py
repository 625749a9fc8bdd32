"""The fields of a person's document, and the keyed hashes by which a person can be found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from victim_gateway.crypto import BlindIndex, fold_text
from victim_gateway.phone_numbers import normal_phone, phone_hash

__all__ = [
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
    phone, email, postcode = document.get("phone"), document.get("email"), document.get("postcode")
    born = document.get("date_of_birth")
    return {
        "victim_reference_hash": victim_reference_hash(index, force, victim_reference),
        "name_dob_hash": name_and_birth_hash(index, document),
        "dob_hash": index.hash_value("date_of_birth", born) if born else None,
        "phone_hashes": [phone_hash(index, number) for number in (phone, document.get("phone_2")) if number],
        "email_hash": index.hash_value("email", email.strip().casefold()) if email else None,
        "postcode_hash": index.hash_value("postcode", fold_text(postcode)) if postcode else None,
        "name_tokens": index.name_tokens(
            document.get("given_name"), document.get("family_name"), document.get("organisation_name")
        ),
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
