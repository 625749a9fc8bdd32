"""Start PostgreSQL as another account in the same folder when this process is root, which it refuses."""

from __future__ import annotations

import os
import pwd
import subprocess
from functools import cache
from pathlib import Path

from victim_gateway.devservers.home import EmbeddedServerError

_UNPRIVILEGED_ID = 65534
# The files stay root's; inside the namespace the program runs as the account `nobody`.
_OWN_NAMESPACE = (
    "unshare",
    "--user",
    f"--map-user={_UNPRIVILEGED_ID}",
    f"--map-group={_UNPRIVILEGED_ID}",
    "--",
)


def unprivileged_prefix(data: Path) -> tuple[str, ...]:
    """What to put before `initdb` and `postgres` so that they run on `data`; nothing for an ordinary user.

    As root: a user namespace of its own. Where those are barred (some containers), or where `data`
    belongs to another account, that account, else `nobody`, allowed past closed folders
    above, since the project may lie in one that only root may enter.
    """
    if os.geteuid() != 0:
        return ()
    owner = data.stat().st_uid
    if owner == 0 and _works(_OWN_NAMESPACE):
        return _OWN_NAMESPACE
    account = owner or _UNPRIVILEGED_ID
    prefix = _as_account(account)
    if not _works(prefix):
        raise EmbeddedServerError(
            "PostgreSQL can't run as root, and this machine lets root start it in no other way: "
            "use another account, or set DATABASE_URL"
        )
    if owner == 0:
        _give(data, account)
    return prefix


def _as_account(uid: int) -> tuple[str, ...]:
    capabilities = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    # a change of account makes the kernel forget the death signal: setpriv asks for it again
    identity = (f"--reuid={uid}", f"--regid={_group_of(uid)}", "--clear-groups", "--pdeathsig=INT")
    return ("setpriv", *identity, *capabilities, "--")


def _give(data: Path, uid: int) -> None:
    """Change the owner of the data folder, because PostgreSQL must own its files."""
    group = _group_of(uid)
    os.chown(data, uid, group)
    for folder, names, files in os.walk(data):
        for name in (*names, *files):
            os.chown(Path(folder) / name, uid, group, follow_symlinks=False)


def _group_of(uid: int) -> int:
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return uid


@cache
def _works(prefix: tuple[str, ...]) -> bool:
    try:
        return subprocess.run([*prefix, "true"], capture_output=True, check=False, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
