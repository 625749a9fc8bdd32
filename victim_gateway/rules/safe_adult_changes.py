"""What happens to the answer "is this adult safe to contact" when the adult on record is changed.

One rule for the corrections form and for the page that names a safe adult:
- "no" is left only by a senior caseworker with a reason, whatever else changes and whatever it becomes; else two
  small steps, or another spelling of the name, would make an adult safe whom somebody had found unsafe;
- "yes" was said of one adult at one number: it does not carry over to another name, relationship or number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from victim_gateway.rules.safe_contact import is_same_detail

SAFE_ANSWER = "guardian_safe_to_contact"
_ADULT = ("guardian_name", "guardian_relationship", "guardian_phone")


def leaves_not_safe(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether an adult who was not safe is called anything else; both are documents of the person."""
    return before.get(SAFE_ANSWER) == "no" and after.get(SAFE_ANSWER) != "no"


def reset_safe_answer(person: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """These real changes of the person's document, and with them "yes" reset where the adult is another by them.

    A "yes" that stands in `changes` was answered anew, because only what differs stands there.
    """
    is_other_adult = any(name in changes for name in _ADULT)
    if is_other_adult and SAFE_ANSWER not in changes and person.get(SAFE_ANSWER) == "yes":
        return {**changes, SAFE_ANSWER: "unknown"}
    return dict(changes)


def is_same_adult(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two documents of a person name the same adult, by name or by number."""
    names = [" ".join(str(each.get("guardian_name") or "").split()).casefold() for each in (one, other)]
    phones = [each.get("guardian_phone") or None for each in (one, other)]
    return bool(names[0] and names[0] == names[1]) or bool(phones[0] and is_same_detail(*phones))


def joined_safe_answer(person: Mapping[str, Any], others: Collection[Mapping[str, Any]]) -> str | None:
    """The answer of one record beside those of the person's other records: no stricter one of the adult is lost.

    "No" of the same adult counts here too. "Yes" that another record does not say of them is not known to be safe.
    """
    answer: str | None = person.get(SAFE_ANSWER)
    said = {other.get(SAFE_ANSWER) for other in others if is_same_adult(person, other)}
    if "no" in said:
        return "no"
    # A no of an adult who was not named may be of this one.
    said |= {"no" for other in others if other.get(SAFE_ANSWER) == "no" and not _is_named(other)}
    return "unknown" if answer == "yes" and said - {"yes"} else answer


def keep_not_safe(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The person's document after a file: an adult who was not safe stays so, unless it names another one."""
    is_other = _is_named(after) and not is_same_adult(before, after)
    if leaves_not_safe(before, after) and not (is_other and _is_named(before)):
        return {**after, SAFE_ANSWER: "no"}
    return dict(after)


def _is_named(person: Mapping[str, Any]) -> bool:
    return bool(person.get("guardian_name") or person.get("guardian_phone"))
