"""The codes of links for a service whose registered contact works without an account."""

from __future__ import annotations

from enum import StrEnum


class ContactLinkOccasion(StrEnum):
    """Why a link was sent: with an e-mail about the referral, by a caseworker, or asked for by the contact."""

    NOTICE = "notice"
    CASEWORKER = "caseworker"
    CONTACT = "contact"


class ContactLinkEnding(StrEnum):
    """Why a link opens nothing any more, beside its last moment.

    `finished`: the contact left. What ended with the onward referral itself is not written on its links.
    """

    REPLACED = "replaced"
    REVOKED = "revoked"
    LOCKED = "locked"
    CONTACT_CHANGED = "contact_changed"
    FINISHED = "finished"


class ContactLinkBar(StrEnum):
    """Why no link is made for an onward referral.

    `closed`: there is nothing that a link could open. `unknown_contact`: no caseworker has sent this contact the
    referral. `shut`: a person ended the link, or wrong codes locked it, and no caseworker has sent another since.
    """

    CLOSED = "closed"
    UNKNOWN_CONTACT = "unknown_contact"
    SHUT = "shut"
