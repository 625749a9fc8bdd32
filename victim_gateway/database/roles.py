"""The database role of a transaction: row-level security is written against it."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.connection_options import TRANSACTION_POOLING, set_transaction_options
from victim_gateway.database.current import current_settings
from victim_gateway.vocabulary import DatabaseRole

# Without parameters and past the statement cache: it runs twice for each block as the service.
_SET_ROLE = {role: f"SET LOCAL ROLE {role.value}" for role in DatabaseRole}
_SET_ACTOR = text(
    "SELECT set_config('role', :role, true), set_config('gateway.user_id', :user, true),"
    " set_config('gateway.organisation_id', :organisation, true),"
    " set_config('gateway.contact_link_id', :link, true)"
)


def take_actor_role(session: Session, actor: Actor) -> None:
    """Take the role of the actor's kind, and name the actor to the policies, until the transaction ends."""
    if current_settings().database_pooling == TRANSACTION_POOLING:
        set_transaction_options(session)
    session.execute(
        _SET_ACTOR,
        {
            "role": actor.database_role.value,
            "user": str(actor.user_id or ""),
            "organisation": str(actor.organisation_id or ""),
            "link": str(actor.contact_link_id or ""),
        },
    )


def set_role(session: Session, role: DatabaseRole) -> None:
    """Change only the role; the policies still see the same actor."""
    session.connection().exec_driver_sql(_SET_ROLE[role])
