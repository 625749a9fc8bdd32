"""Measures a succession: a provider with many live onward referrals, whose work goes to another.

`python -m bench.succession --count 8286 --workers 2` builds a database of its own in a folder that is removed, and
prints JSON lines: what the requests take, what the workers take for looking and for moving, and how long a page that
saves one of the referrals has to wait meanwhile.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench.server_cpu import ServerCpu
from bench.volumes import ACTOR
from config import Settings, load_settings
from victim_gateway import create_app_without_pages, devservers, times
from victim_gateway.actors import DATABASE_ROLES, Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.database.upgrade import upgrade_database
from victim_gateway.demo.seeding import seed_demo
from victim_gateway.extensions import db
from victim_gateway.models import (
    OnwardReferral,
    Organisation,
    Person,
    Provider,
    ProviderService,
    Referral,
    SafeContactPlan,
    Succession,
    SuccessionItem,
    TriageAssessment,
    User,
)
from victim_gateway.provider_vocabulary import SuccessionState
from victim_gateway.rules.handover import HandoverText
from victim_gateway.services import onward_referrals
from victim_gateway.services.compliance import case_facts
from victim_gateway.services.compliance.case_facts import NewCaseFacts
from victim_gateway.services.onward_referrals import succession, succession_batches
from victim_gateway.services.onward_referrals.offer import offer_in_transaction
from victim_gateway.services.onward_referrals.succession import SuccessionPlan
from victim_gateway.services.referrals import reference_numbers
from victim_gateway.services.shared import case_locks, next_action
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    ConsentHow,
    HandoverPart,
    OrganisationKind,
    ReferralSource,
    ReferralState,
    Risk,
    Role,
    SafeAnswer,
)

AT_ONCE = 100
CHANNELS = {"phone": "yes", "sms": "no", "email": "no", "post": "no", "voicemail": "no"}


@dataclass(frozen=True, slots=True)
class _World:
    """Who acts, and between which providers."""

    senior: Actor
    old: tuple[UUID, UUID]
    new: tuple[UUID, UUID]


def main() -> None:
    """Build, measure, print."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder, _running(Path(folder)) as settings:
        with create_app_without_pages(settings).app_context():
            world = _arrange(options.count)
            _tell("arranged", live=options.count)
            db.engine.dispose()
            _measure(settings, world, options.workers)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=8286)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", help="where the temporary database lies", default=None)
    return parser.parse_args()


@contextmanager
def _running(folder: Path) -> Iterator[Settings]:
    settings = replace(
        load_settings(), home=folder.absolute(), database_url=None, database_owner_url=None, redis_url=None
    )
    with devservers.embedded_servers(settings) as filled:
        upgrade_database(filled)
        yield filled


def _arrange(count: int) -> _World:
    at = times.now() - timedelta(days=1)
    seed_demo(referrals=5, seed=1, at=at)
    with transaction(ACTOR) as session:
        senior = session.scalars(select(User).where(User.role == Role.SENIOR).limit(1)).one()
        actor = Actor(
            DATABASE_ROLES[Role.SENIOR],
            senior.name,
            user_id=senior.id,
            organisation_id=senior.organisation_id,
            role=Role.SENIOR,
        )
        old, new = (_add_provider(session, name) for name in ("Oldfield Support", "Newbridge Support"))
    chance = random.Random(1)  # noqa: S311  invented cases, the same in every run
    for start in range(0, count, AT_ONCE):
        with transaction(replace(ACTOR, user_id=actor.user_id)) as session:
            for _ in range(min(AT_ONCE, count - start)):
                _add_case(session, actor, old[1], at, chance)
    return _World(actor, old, new)


def _add_provider(session: Session, name: str) -> tuple[UUID, UUID]:
    provider_id, service_id = uuid4(), uuid4()
    session.add(
        Organisation(id=provider_id, key=name.split()[0].lower(), kind=OrganisationKind.PROVIDER, name=name)
    )
    session.flush()
    session.add(Provider(id=provider_id, description="Support.", active_from=datetime(2020, 1, 1).date()))
    session.flush()
    session.add(
        ProviderService(
            id=service_id, provider_id=provider_id, key=f"{name}-1", name="Support", description="Support."
        )
    )
    return provider_id, service_id


def _add_case(session: Session, actor: Actor, service_id: UUID, at: datetime, chance: random.Random) -> None:
    """A person who was assessed and offered to the old provider, one in ten at high risk."""
    person_id, referral_id, plan_id = uuid4(), uuid4(), uuid4()
    key_id, key = encrypted_rows.new_key(session, "person", person_id, at)
    document = {
        "given_name": chance.choice(("Ada", "Ben", "Cleo")),
        "family_name": f"Example{chance.randrange(10**6)}",
        "date_of_birth": f"{chance.randrange(1940, 2000)}-05-04",
        "phone": "07700 900123",
    }
    risk = Risk.HIGH if chance.random() < 0.1 else Risk.MEDIUM
    session.add(
        Person(
            id=person_id,
            key_id=key_id,
            sealed=encrypted_rows.seal_row(key, "person", person_id, document),
            created_at=at,
            updated_at=at,
        )
    )
    session.flush()
    story = {"what_happened": "The back door was forced."}
    referral = Referral(
        id=referral_id,
        reference=reference_numbers.allocate_references(session, [at])[0],
        person_id=person_id,
        sealed=encrypted_rows.seal_row(key, "referral", referral_id, story),
        state=ReferralState.TRIAGED,
        source=ReferralSource.SELF,
        offence="Burglary in a dwelling",
        district="Stafford",
        residence_district="Stafford",
        received_at=at,
        next_since=at,
        risk=risk,
        assigned_to_id=actor.user_id,
    )
    session.add(referral)
    session.flush()
    plan = {"channels": CHANNELS, "number": "07700 900123", "code_word": "bluebell"}
    session.add(
        SafeContactPlan(
            id=plan_id,
            person_id=person_id,
            version=1,
            safe=SafeAnswer.YES,
            safe_channels=["phone"],
            sealed=encrypted_rows.seal_row(key, "safe_contact_plan", plan_id, plan),
            stated_by="person",
            checked_at=at,
            recorded_at=at,
        )
    )
    session.add(
        TriageAssessment(
            id=uuid4(),
            referral_id=referral_id,
            version=1,
            assessed_at=at,
            recorded_at=at,
            by_id=actor.user_id,
            needs={"mental_and_physical_health": 3},
            risk=risk,
            risk_grounds=[],
        )
    )
    facts = NewCaseFacts(
        crime_type="burglary", opens_code_clocks=True, observers=("partner",), district="Stafford"
    )
    case_facts.create_case_facts(session, referral_id, facts, at=at)
    session.flush()
    offer = onward_referrals.OfferToProvider(
        service_id=service_id,
        share=tuple(HandoverPart),
        texts=HandoverText(what_happened="Her house was broken into.", wants="To sleep again."),
        consent=onward_referrals.SharingConsent(agreed=True, how=ConsentHow.SPOKEN, given_at=at),
    )
    offer_in_transaction(session, Command(replace(ACTOR, user_id=actor.user_id), at), referral, offer)


def _measure(settings: Settings, world: _World, workers: int) -> None:
    plan = SuccessionPlan(world.old[0], world.new[0], {world.old[1]: world.new[1]})
    server = ServerCpu(settings)
    opened: list[UUID] = []
    _time_request(
        "request: look at it",
        lambda: opened.append(succession.open_succession(Command(world.senior, times.now()), plan)),
    )
    (succession_id,) = opened
    _time_workers("looking", settings, server, succession_id, workers)
    _time_request(
        "request: agree",
        lambda: succession.agree_succession(Command(world.senior, times.now()), succession_id),
    )
    _time_workers("moving", settings, server, succession_id, workers)
    with transaction(ACTOR) as session:
        row = session.get_one(Succession, succession_id)
        moved, stayed, undone = session.execute(
            select(
                func.count(SuccessionItem.moved_to_id),
                func.count(SuccessionItem.stay),
                func.count().filter(SuccessionItem.done_at.is_(None)),
            )
        ).one()
        offers = session.scalar(select(func.count()).where(OnwardReferral.provider_id == world.new[0]))
    _tell(
        "result",
        state=row.state.value,
        moved=moved,
        stayed=stayed,
        undone=undone,
        offers_of_successor=offers,
        is_done=row.state is SuccessionState.DONE,
    )


def _time_request(name: str, ask: Any) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    ask()
    _tell(name, wall_s=_since(wall), cpu_s=round(time.process_time() - cpu, 3))


def _time_workers(
    name: str, settings: Settings, server: ServerCpu, succession_id: UUID, workers: int
) -> None:
    """Processes as the workers are, while a page saves one of the referrals again and again."""
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe(duplex=False) for _ in range(workers)]
    started = [context.Process(target=_work, args=(settings, succession_id, sending)) for _, sending in pipes]
    database, wall = server.seconds(), time.perf_counter()
    for process in started:
        process.start()
    waits = _save_meanwhile(succession_id, started)
    used = [receiving.recv() for receiving, _ in pipes]
    for process in started:
        process.join()
    _tell(
        name,
        wall_s=_since(wall),
        workers=workers,
        batches=sum(each["batches"] for each in used),
        worker_cpu_s=round(sum(each["cpu_s"] for each in used), 1),
        database_cpu_s=round(server.seconds() - database, 1),
        worker_memory_mb=max(each["memory_mb"] for each in used),
        saves=len(waits),
        longest_save_s=max(waits, default=None),
        save_99th_s=sorted(waits)[int(len(waits) * 0.99)] if waits else None,
    )


def _work(settings: Settings, succession_id: UUID, sending: Connection) -> None:
    with create_app_without_pages(settings).app_context():
        began, batches = time.process_time(), 0
        while not succession_batches.work_on_next_batch(succession_id, at=times.now()):
            batches += 1
        usage = resource.getrusage(resource.RUSAGE_SELF)
        sending.send(
            {
                "cpu_s": time.process_time() - began,
                "memory_mb": usage.ru_maxrss // 1024,
                "batches": batches,
            }
        )


def _save_meanwhile(succession_id: UUID, started: Sequence[Any]) -> list[float]:
    """Lock a referral that has its turn soon, as a page that saves does, and say anew what is next; gives seconds."""
    waits = []
    while any(process.is_alive() for process in started):
        with transaction(ACTOR) as session:
            soon = session.scalars(
                select(OnwardReferral.referral_id)
                .join(SuccessionItem, SuccessionItem.onward_referral_id == OnwardReferral.id)
                .where(SuccessionItem.succession_id == succession_id, SuccessionItem.done_at.is_(None))
                .order_by(SuccessionItem.position)
                .limit(30)
            ).all()
        if soon:
            began = time.perf_counter()
            with transaction(ACTOR) as session:
                referral_id = random.choice(soon)  # noqa: S311  which page is saved
                case_locks.lock_referral_row(session, referral_id)
                next_action.refresh_next_actions(session, [referral_id], at=times.now())
            waits.append(_since(began))
        time.sleep(0.05)
    return waits


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 3)


def _tell(name: str, **figures: Any) -> None:
    print(json.dumps({"measure": name, **figures}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
