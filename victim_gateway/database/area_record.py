"""Which area a database holds the data of, and the refusal of every program that is set to another one.

No row carries an area, and references, standards and districts all follow GATEWAY_AREA: a service started
with the wrong one would number, measure and match another area's victims by the wrong profile.
"""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy import Connection, text

from config import AreaProfile, Settings, SettingsError
from config.area_profile import load_area, shipped_areas
from victim_gateway.compliance.editions import LOCAL

# What reference_data writes before the area's name as the source of each local standard.
PROFILE_SOURCE = "Area profile: "
CONNECT_TIMEOUT_S = 5
_REMEDY = "correct GATEWAY_AREA, or give the address of that area's own database"


class WrongArea(SettingsError):
    """GATEWAY_AREA differs from the area whose data the database holds."""

    def __init__(self, problem: str) -> None:
        """`problem` continues the sentence that begins with the variable's name."""
        super().__init__("GATEWAY_AREA", problem)


def check_area(settings: Settings) -> None:
    """Raise WrongArea when the database of these settings is that of another area; for the start of a program.

    A database that can't be asked yet passes: `refuse_other_area` asks again on every new connection.
    """
    url = str(settings.database_url).replace("postgresql+psycopg://", "postgresql://")
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            refuse_other_area(connection.cursor(), settings.area)
    except psycopg.Error:
        return


def refuse_other_area(cursor: psycopg.Cursor[Any], area: AreaProfile) -> None:
    """Raise WrongArea when the database names another area. One that names none yet is not migrated: it passes."""
    cursor.execute("SELECT to_regclass('public.database_area') IS NOT NULL")
    exists = cursor.fetchone()
    if exists is None or not exists[0]:
        return
    cursor.execute("SELECT area FROM public.database_area")
    row = cursor.fetchone()
    if row is not None and row[0] != area.key:
        raise _another_area(area, str(row[0]))


def require_area(connection: Connection, area: AreaProfile, *, set_area: bool) -> None:
    """Raise WrongArea unless an upgrade may load this area's standards; changes nothing.

    Where an earlier release recorded no area, the numbers of the referrals and the standards that were loaded
    last speak for one. With `set_area` only the numbers do: an area may be chosen anew until there are
    referrals, and after that only where some of them carry its letters.
    """
    recorded = recorded_area(connection)
    if recorded == area.key:
        return
    prefixes = _reference_prefixes(connection)
    if set_area:
        if prefixes and area.reference_prefix not in prefixes:
            raise WrongArea(
                f"can't be set to {area.key} for this database, whose referrals are those of"
                f" {_owners_of(prefixes)}: another area needs a database of its own"
            )
        return
    if recorded is not None:
        raise _another_area(area, recorded)
    foreign = prefixes - {area.reference_prefix}
    if foreign:
        raise _another_area(area, _owners_of(foreign))
    loaded = _loaded_area(connection)
    if loaded not in (None, area.name):
        raise _another_area(area, _key_of_name(str(loaded)))


def record_area(connection: Connection, area: AreaProfile) -> None:
    """Record the area of this database, once `require_area` has let it pass."""
    connection.execute(
        text(
            "INSERT INTO database_area (id, area, recorded_at) VALUES (1, :area, now())"
            " ON CONFLICT (id) DO UPDATE SET area = excluded.area, recorded_at = excluded.recorded_at"
            " WHERE database_area.area <> excluded.area"
        ),
        {"area": area.key},
    )


def recorded_area(connection: Connection) -> str | None:
    """The key of the area that an upgrade recorded; None: none has yet."""
    if not _has_table(connection, "database_area"):
        return None
    recorded: str | None = connection.scalar(text("SELECT area FROM public.database_area"))
    return recorded


def _another_area(area: AreaProfile, database_area: str) -> WrongArea:
    return WrongArea(f"is {area.key}, but this database holds the data of {database_area}: {_REMEDY}")


def _reference_prefixes(connection: Connection) -> set[str]:
    """The letters that the numbers of the referrals begin with."""
    if not _has_table(connection, "referral"):
        return set()
    # Row-level security shows an owner that is no superuser no referral at all: an empty answer would be wrong.
    guarded = connection.scalar(text("SELECT relrowsecurity FROM pg_class WHERE oid = 'referral'::regclass"))
    if guarded:
        connection.execute(text("SET LOCAL ROLE gateway_worker"))
    found = connection.scalars(text("SELECT DISTINCT split_part(reference, '-', 1) FROM referral")).all()
    if guarded:
        connection.execute(text("RESET ROLE"))
    return set(found)


def _loaded_area(connection: Connection) -> str | None:
    """The name of the area whose standards were loaded last; None: none were."""
    if not _has_table(connection, "code_entitlement"):
        return None
    source: str | None = connection.scalar(
        text("SELECT min(source) FROM code_entitlement WHERE edition = :local"), {"local": LOCAL}
    )
    return source.removeprefix(PROFILE_SOURCE) if source else None


def _has_table(connection: Connection, name: str) -> bool:
    return bool(connection.scalar(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": f"public.{name}"}))


def _owners_of(prefixes: set[str]) -> str:
    """The keys of the areas whose letters these are; letters that no profile has stand for themselves."""
    keys = {load_area(key).reference_prefix: key for key in shipped_areas()}
    return " and ".join(sorted(keys.get(prefix, f"an area numbered {prefix}") for prefix in prefixes))


def _key_of_name(name: str) -> str:
    keys = {load_area(key).name: key for key in shipped_areas()}
    return keys.get(name, name)
