"""Import generated rows with every kind of damage, and check that no row is lost and none ends the import.

    python -m bench.fuzz_feed --rows 100000

Half of the rows are told again in a second file with other damage, so that updates are met too. Prints one line of
JSON for each file; exit status 1 when a count does not add up or a referral has no row of its own.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import create_engine, text

from bench.feed import FeedPlan, write_referrals
from config import load_settings
from victim_gateway import devservers
from victim_gateway.feeds.columns import REFERRAL_COLUMNS

_GATEWAY = "from victim_gateway.cli import main; main(prog_name='gateway')"
_TEXTS = (
    *(
        "",
        " ",
        "?",
        "-",
        "N/A",
        "NULL",
        "unknown",
        "Y",
        "N",
        "yes",
        "no",
        "maybe",
        "see log",
        "TBC",
        "0",
        "1",
    ),
    *(
        "5.50218E+11",
        "08-Jun",
        "01/01/1900",
        "31/02/2018",
        "2018-10-05T09:00:00Z",
        "9:05",
        "3/10/2018",
        "45231",
    ),
    *("07700 900123", "+44 (0)1782 123456", "07777777777", "00000000000", "812345", "01782 123456 ext 12"),
    *("a@b", "mailto:a@example.org.", "ST1 2DN", "AA1 1AA", "O0 1II", "No Fixed Abode", "r/o the Co-op"),
    *(
        "Łukasz",
        "O\u2019Brien",
        "Anna & Tom",
        "Log 231 of 14/10",
        "Unknown Unknown",
        "Mr Tesco Express",
        "Ã©",
        "\ufffd",
    ),
    *(
        "=1+1",
        "'quoted",
        "a\tb",
        "a\nb",
        "\u202eabc",
        "\U0001f600",
        "x" * 40,
        "x" * 600,
        "Race; Religion",
        "Refused",
    ),
)
_CHARACTERS = "abcXYZ019 ,;'\"\n\t-_/.@+=£łßéÃ\u200b\u202e\ufffd\U0001f600"


def main() -> int:
    """Run both files; exit status 1 when something was lost."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz_feed", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="victim-gateway-fuzz-") as folder:
        settings = replace(load_settings(), home=Path(folder) / "home", database_url=None, redis_url=None)
        sound, first, second = (Path(folder) / name for name in ("sound.csv", "first.csv", "second.csv"))
        october = date(2018, 10, 1), datetime(2018, 11, 1, tzinfo=UTC)
        write_referrals(
            sound,
            FeedPlan(options.rows, *october, settings.area.force, settings.area.districts, options.seed),
        )
        damage_file(sound, first, random.Random(options.seed), share=1.0)  # noqa: S311  invented damage
        damage_file(sound, second, random.Random(options.seed + 1), share=0.5)  # noqa: S311
        with devservers.embedded_servers(settings) as filled:
            environment = {
                **os.environ,
                "DATABASE_URL": str(filled.database_url),
                "DATABASE_OWNER_URL": str(filled.database_owner_url),
                "REDIS_URL": str(filled.redis_url),
            }
            _run(["db", "upgrade"], environment)
            right = [_import(file, environment) for file in (first, second)]
            engine = create_engine(str(filled.database_owner_url))
            with engine.connect() as connection:
                unsaid = connection.execute(
                    text(
                        "SELECT count(*) FROM referral r WHERE NOT EXISTS (SELECT FROM import_row w"
                        " WHERE w.referral_id = r.id AND w.outcome = 'imported')"
                    )
                ).scalar_one()
            engine.dispose()
    return 0 if all(right) and not unsaid else 1


def damage_file(sound: Path, damaged: Path, chance: random.Random, *, share: float) -> None:
    """Write a share of the rows of a sound file, with up to six damaged cells in each, and all known columns."""
    with (
        sound.open(newline="", encoding="utf-8") as source,
        damaged.open("w", newline="", encoding="utf-8") as target,
    ):
        writer = csv.DictWriter(target, [*REFERRAL_COLUMNS, "extract_date"], restval="")
        writer.writeheader()
        for row in csv.DictReader(source):
            if chance.random() >= share:
                continue
            for column in chance.sample(REFERRAL_COLUMNS, chance.randrange(7)):
                # A damaged key or date is one way among many: most rows keep theirs, and so are used.
                if column not in ("feed_reference", "reported_at", "offence") or chance.random() < 0.1:
                    row[column] = _damaged_text(chance, row.get(column, ""))
            writer.writerow(row)


def _damaged_text(chance: random.Random, text_before: str) -> str:
    kind = chance.randrange(4)
    if kind == 0:
        return "".join(chance.choices(_CHARACTERS, k=chance.randrange(1, 30)))
    if kind == 1 and text_before:
        place = chance.randrange(len(text_before))
        return text_before[:place] + chance.choice(_CHARACTERS) + text_before[place + 1 :]
    return chance.choice(_TEXTS)


def _import(file: Path, environment: dict[str, str]) -> bool:
    summary = json.loads(_run(["import", "police-feed", str(file), "--json"], environment, (0, 3)))
    print(json.dumps(summary), flush=True)
    used = sum(summary[name] for name in ("imported", "updated", "unchanged", "set_aside"))
    return bool(used == summary["rows"])


def _run(arguments: list[str], environment: dict[str, str], right: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _GATEWAY, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode not in right:
        raise SystemExit(f"{' '.join(arguments)}: {done.returncode}\n{done.stderr[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
