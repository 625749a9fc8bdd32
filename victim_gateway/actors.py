"""The actor of a transaction, and the database role that goes with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid4

from victim_gateway.vocabulary import DatabaseRole, Role

DATABASE_ROLES = {
    Role.CASEWORKER: DatabaseRole.CASEWORKER,
    Role.SENIOR: DatabaseRole.CASEWORKER,
    Role.MANAGER: DatabaseRole.MANAGER,
    Role.ADMIN: DatabaseRole.ADMIN,
    Role.AUDITOR: DatabaseRole.AUDITOR,
    Role.PROVIDER: DatabaseRole.PROVIDER,
    # Of its own provider alone; whether it administers is asked by the policies.
    Role.PROVIDER_ADMINISTRATOR: DatabaseRole.PROVIDER,
}


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in person, a command or a background task; every transaction names one.

    `name` is a member of staff's or a program's, never a victim's. `address` is where a request
    came from, or None. `correlation_id` ties together what one request or task did. `contact_link_id`: the actor is the
    registered contact of a service and works by that link.
    """

    database_role: DatabaseRole
    name: str
    user_id: UUID | None = None
    organisation_id: UUID | None = None
    role: Role | None = None
    address: str | None = None
    contact_link_id: UUID | None = None
    correlation_id: UUID = field(default_factory=uuid4)

    @classmethod
    def worker(cls, name: str) -> Actor:
        """The actor of a background task or a command, which acts for the service itself."""
        return cls(database_role=DatabaseRole.WORKER, name=name)

    @classmethod
    def signing_in(cls, address: str | None) -> Actor:
        """The actor of a request that is not signed in yet: it may read accounts, never cases."""
        return cls(database_role=DatabaseRole.SIGNIN, name="signing in", address=address)

    @property
    def is_provider(self) -> bool:
        return self.database_role is DatabaseRole.PROVIDER
