"""What a provider keeps of its onward referrals after its access has ended, as the database shows it to the provider.

A view, so no table of the models: it has no person, no name and no key, and shows the reader's own services alone.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import Column, DateTime, Enum, MetaData, String, Table, Uuid

from victim_gateway.vocabulary import DeclineReason, OnwardState, ServiceOutcome


def _code(members: type[StrEnum]) -> Enum:
    return Enum(members, native_enum=False, values_callable=lambda kind: [each.value for each in kind])


ONWARD_SUMMARY = Table(
    "provider_referral_summary",
    MetaData(),
    Column("id", Uuid),
    Column("reference", String),
    Column("service_id", Uuid),
    Column("state", _code(OnwardState)),
    Column("offered_at", DateTime(timezone=True)),
    Column("answered_at", DateTime(timezone=True)),
    Column("first_contact_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("provider_access_ended_at", DateTime(timezone=True)),
    Column("decline_reason", _code(DeclineReason)),
    Column("outcome", _code(ServiceOutcome)),
)
