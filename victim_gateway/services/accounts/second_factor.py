"""The second factor: time-based codes (RFC 6238), each of which works once.

A code is good for its own 30 seconds and the 30 after them, because people need time to type: one neighbour,
and only the past one. The secret is sealed under a key of the keyring for its account's row alone.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from uuid import UUID

import pyotp
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from victim_gateway import crypto
from victim_gateway.database.current import current_keyring
from victim_gateway.database.encrypted_rows import bound_to
from victim_gateway.models import User

STEP_S = 30
ISSUER = "Victim Gateway"
_PURPOSE = "second factor"
_TABLE = "app_user"


def set_up_second_factor(session: Session, user_id: UUID, *, confirmed_at: datetime | None = None) -> str:
    """Give the account a new secret and return it, to be shown once; the old one stops working.

    Until it is confirmed by a code (`confirm`), or `confirmed_at` is given, it opens nothing.
    """
    ring = current_keyring()
    secret = pyotp.random_base32()
    key = ring.derive_key(ring.current_id, _PURPOSE)
    session.execute(
        update(User)
        .where(User.id == user_id)
        .values(
            totp_sealed=crypto.seal_document(key, secret, bound_to(_TABLE, user_id)),
            totp_key_id=ring.current_id,
            totp_confirmed_at=confirmed_at,
            totp_last_step=0,
        )
    )
    return secret


def confirm_second_factor(session: Session, user_id: UUID, at: datetime) -> None:
    """From now on the account signs in with its codes."""
    session.execute(update(User).where(User.id == user_id).values(totp_confirmed_at=at))


def remove_second_factor(session: Session, user_id: UUID) -> None:
    """Forget the secret; the account sets up a new one when it next signs in."""
    session.execute(
        update(User)
        .where(User.id == user_id)
        .values(totp_sealed=None, totp_key_id=None, totp_confirmed_at=None, totp_last_step=0)
    )


def accept_code(session: Session, user_id: UUID, code: str, at: datetime) -> bool:
    """Whether the code is right; if so it is used up, whatever else arrives at the same moment."""
    stored = session.execute(select(User.totp_sealed, User.totp_key_id).where(User.id == user_id)).one()
    if stored.totp_sealed is None:
        return False
    key = current_keyring().derive_key(stored.totp_key_id, _PURPOSE)
    secret = crypto.unseal_document(key, stored.totp_sealed, bound_to(_TABLE, user_id))
    step = _matching_step(secret, code, at)
    if step is None:
        return False
    moved = (
        update(User)
        .where(User.id == user_id, User.totp_last_step < step)
        .values(totp_last_step=step)
        .returning(User.id)
    )
    return session.execute(moved).first() is not None


def provisioning_uri(secret: str, email: str) -> str:
    """What the QR picture says to an authenticator app."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def _matching_step(secret: str, code: str, at: datetime) -> int | None:
    typed = "".join(code.split())
    totp = pyotp.TOTP(secret, interval=STEP_S)
    current = int(at.timestamp()) // STEP_S
    for step in (current, current - 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), typed.encode()):
            return step
    return None
