"""One referral: what is going on, what happens next, and everything a caseworker does with it."""

from victim_gateway.blueprints.referrals import (
    assessment,
    consent,
    contact,
    correcting,
    notes,
    overview,
    rights,
    standing,
)
from victim_gateway.blueprints.referrals.area import bp

# Each of these adds its routes to the area when it is imported.
__all__ = [
    "assessment",
    "bp",
    "consent",
    "contact",
    "correcting",
    "notes",
    "overview",
    "rights",
    "standing",
]
