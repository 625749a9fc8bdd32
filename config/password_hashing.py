"""How much work it is to try one password."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PasswordHashing:
    """What one argon2id hash costs, and a hash of that cost to which no password is known."""

    memory_kib: int
    passes: int
    lanes: int
    # Checked where there is no account, so that an unknown name takes as long as a wrong password.
    dummy_hash: str


# RFC 9106, the second recommended option.
FULL_HASHING = PasswordHashing(
    memory_kib=65_536,
    passes=3,
    lanes=4,
    dummy_hash="$argon2id$v=19$m=65536,t=3,p=4$1MML9zRab54gYp1ezOfYBw$QgsXQmcKOHXesGQRiqK7PQ9NWXVMwXpWq+FF9flv7Vk",
)
# For GATEWAY_ENV=test alone, where thousands of sign-ins guard nothing.
TEST_HASHING = PasswordHashing(
    memory_kib=64,
    passes=1,
    lanes=1,
    dummy_hash="$argon2id$v=19$m=64,t=1,p=1$m8Mq2iG0sHeWIlV5J02Dqw$BbPCiRS0Ocx4Yx5KKudGkDGUMa2Ab0RTg9tV5CnpVBA",
)
