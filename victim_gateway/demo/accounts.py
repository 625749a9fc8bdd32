"""Who signs in to the demonstration, and the providers of its directory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from victim_gateway.actors import DATABASE_ROLES, Actor
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.demo import DEMO_ADDRESS, DEMO_PASSWORD
from victim_gateway.demo.mix import DATA
from victim_gateway.models import Organisation, ProviderService, User
from victim_gateway.provider_vocabulary import ServiceCapacity
from victim_gateway.queries.onward_referrals.eligibility import list_services
from victim_gateway.rules.eligibility import DirectoryService
from victim_gateway.rules.service_capacity import CapacityStatement
from victim_gateway.services.accounts import administration, memberships
from victim_gateway.services.providers import directory
from victim_gateway.services.providers.capacity import lay_statement
from victim_gateway.services.providers.directory_entries import NEEDED_COLUMNS, build_entry
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

RESTORATIVE, DOMESTIC_ABUSE = "rj-hub", "new-era"
DIRECTORIES = (Path(__file__).parents[1] / "data", DATA)


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One account; `provider` is the key of its organisation, empty for the Gateway's own, `also` of a second one."""

    local_part: str
    name: str
    role: Role
    provider: str = ""
    address: str = DEMO_ADDRESS
    also: str = ""

    @property
    def email(self) -> str:
        return f"{self.local_part}@{self.address}"


# The first four share out the cases, in the order of plan.OWNERS.
TEAM = (
    DemoAccount("caseworker", "Priya Lakhani", Role.CASEWORKER),
    DemoAccount("caseworker2", "Tomos Ashdown", Role.CASEWORKER),
    DemoAccount("caseworker3", "Grace Danso", Role.CASEWORKER),
    DemoAccount("senior", "Helen Sherratt", Role.SENIOR),
)
# They answer no referral of the scenarios: one looks after accounts alone, the other works for two providers.
BESIDE = (
    DemoAccount("neweraadmin", "Beth Onions", Role.PROVIDER_ADMINISTRATOR, DOMESTIC_ABUSE),
    DemoAccount("bothproviders", "Ella Rudyard", Role.PROVIDER, RESTORATIVE, also=DOMESTIC_ABUSE),
)
SIGN_INS = (
    *TEAM,
    DemoAccount("manager", "Marcus Deakin", Role.MANAGER),
    DemoAccount("admin", "Nadia Rowbotham", Role.ADMIN),
    DemoAccount("auditor", "Owen Thorley", Role.AUDITOR),
    DemoAccount("rjhub", "Ruth Colclough", Role.PROVIDER, RESTORATIVE),
    DemoAccount("newera", "Samira Heathcote", Role.PROVIDER, DOMESTIC_ABUSE),
    *BESIDE,
)
# A second senior, as nobody reviews their own assessment; the password is not printed.
REVIEWER = DemoAccount("reviewer", "Idris Fenwick", Role.SENIOR, address="reviewer.example")
# People of other providers, who act in the scenarios; their passwords are not printed.
OTHERS = {
    "staffordshire-chambers": "Colin Machin",
    "challenge-north-staffs": "Farah Hussain-Marsh",
    "catch22": "Leah Plant-Owusu",
}


# An invented charity of two people, who work by link: no account of it signs in.
CHARITY = {
    "provider_key": "doorstep-companions",  # pragma: allowlist secret
    "provider_name": "Doorstep Companions",
    "provider_description": "An invented charity: volunteers who keep people company after a crime.",
    "active_from": "2019-04-01",
    "service_key": "doorstep-companions",  # pragma: allowlist secret
    "service_name": "Company at home",
    "service_description": "A volunteer who visits, or comes along to a first appointment.",
    "serves": "victims",
    "open": "yes",
    "contact_name": "Edith Poyser",
    "contact_email": "edith@doorstep-companions.example",
}
# What providers have said of how many people they can take, and how many days ago.
CAPACITIES = {
    "new-era-victim-service": (CapacityStatement(ServiceCapacity.PLACES, places=4), 2),
    "challenge-hate-crime": (CapacityStatement(ServiceCapacity.OPEN), 20),
    "adult-sexual-abuse-support": (
        CapacityStatement(ServiceCapacity.WAITING_LIST, waiting_people=12, wait_days=20),
        5,
    ),
    "child-therapy": (CapacityStatement(ServiceCapacity.AFTER_ASSESSMENT), 1),
    "brake-road-crash": (CapacityStatement(ServiceCapacity.CLOSED), 3),
}


@dataclass(frozen=True, slots=True)
class DemoStaff:
    """The accounts that act. `providers` has one account of each provider that answers, by the provider's key."""

    team: tuple[Actor, ...]
    providers: dict[str, Actor]
    services: tuple[DirectoryService, ...]
    reviewer: Actor
    provider_keys: dict[UUID, str]

    @property
    def senior(self) -> Actor:
        return self.team[-1]


def demo_accounts_exist(*, actor: Actor) -> bool:
    """Whether there is any demonstration account."""
    with transaction(actor) as session:
        found = session.scalar(select(User.id).where(User.email.endswith(f"@{DEMO_ADDRESS}")).limit(1))
    return found is not None


def make_demo_accounts(*, actor: Actor, at: datetime) -> DemoStaff:
    """Import the area's directory and add the accounts, all as of `at`."""
    area = current_settings().area
    charity = build_entry({**dict.fromkeys(NEEDED_COLUMNS, ""), **CHARITY}, area)
    directory.import_directory(Command(actor, at), directory.read_directory(_directory()))
    directory.import_directory(Command(actor, at), [charity])
    with transaction(actor) as session:
        keys = {row.id: row.key for row in session.execute(select(Organisation.id, Organisation.key))}
    others = [
        DemoAccount(name.split()[0].lower(), name, Role.PROVIDER, key, f"{key}.example")
        for key, name in OTHERS.items()
        if key in keys.values()
    ]
    people = {sign_in: _account(sign_in, actor, at) for sign_in in (*SIGN_INS, REVIEWER, *others)}
    # Once the accounts are there: a service that nobody could read for is offered nothing.
    with transaction(actor) as session:
        services = tuple(list_services(session))
    return DemoStaff(
        team=tuple(people[sign_in] for sign_in in TEAM),
        providers={
            sign_in.provider: person
            for sign_in, person in people.items()
            if sign_in.provider and sign_in not in BESIDE
        },
        services=services,
        reviewer=people[REVIEWER],
        provider_keys=keys,
    )


def say_capacities(actor: Actor, at: datetime) -> None:
    """Some providers have said how many people they can take, one of them long ago; most have not yet."""
    with transaction(actor) as session:
        for service in session.scalars(select(ProviderService)):
            said = CAPACITIES.get(service.key)
            if said is not None:
                statement, days_ago = said
                lay_statement(service, statement, at - timedelta(days=days_ago))


def _directory() -> bytes:
    name = f"providers-{current_settings().area.key}.csv"
    return next(folder / name for folder in DIRECTORIES if (folder / name).exists()).read_bytes()


def _account(sign_in: DemoAccount, actor: Actor, at: datetime) -> Actor:
    in_demo = sign_in.address == DEMO_ADDRESS
    user_id = administration.add_account(
        Command(actor, at),
        administration.NewAccount(
            email=sign_in.email,
            name=sign_in.name,
            role=sign_in.role,
            organisation_key=sign_in.provider,
            gateway_name=current_settings().area.service_name,
            password=DEMO_PASSWORD if in_demo else None,
            is_demo=in_demo,
        ),
    ).user_id
    if sign_in.also:
        everything = memberships.MemberAccess(sign_in.role, all_services=True)
        memberships.add_membership(Command(actor, at), user_id, sign_in.also, everything)
    with transaction(actor) as session:
        organisation_id = session.scalars(select(User.organisation_id).where(User.id == user_id)).one()
    return Actor(
        database_role=DATABASE_ROLES[sign_in.role],
        name=sign_in.name,
        user_id=user_id,
        organisation_id=organisation_id,
        role=sign_in.role,
    )
