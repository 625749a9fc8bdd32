"""How often a password or a code may be tried: counted in the database, per account name and per source.

Ten wrong tries from one source stop that source for that account. An account that is tried from many sources
is closed to those it has never signed in from, so that a stranger can't keep its owner out. A source that
tries many accounts is stopped for all of them. What is refused here is not counted, so every limit ends by
itself within WINDOW. Nothing here touches sessions that are open.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from sqlalchemy import and_, func, insert, select, update
from sqlalchemy.orm import Session

from victim_gateway.database.advisory_locks import lock_until_commit
from victim_gateway.database.current import current_keyring
from victim_gateway.errors import GatewayError
from victim_gateway.models import SignInAttempt
from victim_gateway.vocabulary import SignInStep

WINDOW = timedelta(minutes=15)
PER_ACCOUNT = 10
PER_SOURCE = 100
FAMILIAR_FOR = timedelta(days=90)
HASH_BYTES = 16


class TooManyAttempts(GatewayError):
    """Too many wrong passwords or codes; it ends by itself."""

    code = "sign-in.too-many-tries"
    status = 429

    def __init__(self) -> None:
        super().__init__("There were too many tries. Wait 15 minutes, then try again.")


def account_name_hash(email: str) -> bytes:
    """A keyed hash of an account's name: of names that don't exist nothing else is kept."""
    ring = current_keyring()
    key = ring.derive_key(ring.current_id, "sign-in names")
    return hmac.new(key, email.encode(), hashlib.sha256).digest()[:HASH_BYTES]


def begin_attempt(
    session: Session, step: SignInStep, email: str, address: str | None, at: datetime
) -> int | None:
    """Count one more try, as failed until `succeeded` is called; its id. None: there were too many.

    Tries at one account wait for each other here, so that many at once can't pass the limit together.
    """
    named = account_name_hash(email)
    lock = int.from_bytes(named[:8], "big", signed=True)
    lock_until_commit(session, lock)
    if _too_many(session, step, named, address or "", at):
        return None
    statement = insert(SignInAttempt).values(
        at=at, step=step, email_hash=named, address=address or "", succeeded=False
    )
    return session.execute(statement.returning(SignInAttempt.id)).scalar_one()


def mark_attempt_succeeded(session: Session, attempt_id: int) -> None:
    """The try was right: this source is known to the account from now on."""
    session.execute(update(SignInAttempt).where(SignInAttempt.id == attempt_id).values(succeeded=True))


def _too_many(session: Session, step: SignInStep, named: bytes, address: str, at: datetime) -> bool:
    tries = SignInAttempt
    here = and_(tries.email_hash == named, tries.address == address)
    last_right = session.scalar(
        select(func.max(tries.at)).where(
            here, tries.step == step, tries.succeeded, tries.at > at - FAMILIAR_FOR
        )
    )
    wrong = and_(tries.step == step, ~tries.succeeded, tries.at > at - WINDOW)
    of_account = select(func.count()).where(tries.email_hash == named, wrong)
    if last_right is not None:
        of_account = of_account.where(tries.address == address, tries.at > last_right)
    of_source = select(func.count()).where(tries.address == address, wrong)
    row = session.execute(
        select(of_account.scalar_subquery().label("account"), of_source.scalar_subquery().label("source"))
    ).one()
    return bool(row.account >= PER_ACCOUNT or row.source >= PER_SOURCE)
