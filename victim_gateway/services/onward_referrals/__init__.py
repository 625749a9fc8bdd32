"""Onward referrals: from the Gateway to a provider and back. Each verb is one act in one transaction."""

from victim_gateway.services.onward_referrals.answering import (
    accept,
    acknowledge,
    decline,
    request_information,
)
from victim_gateway.services.onward_referrals.deciding import (
    answer_request,
    confirm_decline,
    overturn_decline,
)
from victim_gateway.services.onward_referrals.ending import (
    expire,
    expire_unanswered,
    withdraw,
    withdraw_within,
)
from victim_gateway.services.onward_referrals.offering import ConsentGiven, offer
from victim_gateway.services.onward_referrals.safe_contact import refresh_safe_contact
from victim_gateway.services.onward_referrals.serving import close, record_first_contact

__all__ = [
    "ConsentGiven",
    "accept",
    "acknowledge",
    "answer_request",
    "close",
    "confirm_decline",
    "decline",
    "expire",
    "expire_unanswered",
    "offer",
    "overturn_decline",
    "record_first_contact",
    "refresh_safe_contact",
    "request_information",
    "withdraw",
    "withdraw_within",
]
