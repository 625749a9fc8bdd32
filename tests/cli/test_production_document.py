"""docs/production.md can be followed: every block of it is run, in order, on servers of its own."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.factories.feeds import feed_file, feed_row
from tests.plumbing import ROOT
from tests.plumbing.own_servers import PasswordServer, end_group, free_port, own_valkey, password_server
from tests.plumbing.programs import gateway, wait_until
from tests.plumbing.smtp import smtp_sink
from victim_gateway.devservers.postgres import postgres_program

DOCUMENT = ROOT / "docs" / "production.md"
SHIPPED_DIRECTORY = ROOT / "victim_gateway" / "data" / "providers-staffordshire.csv"
_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PATIENCE_S = 180
CLEVELAND = {"force": "Cleveland Police", "district": "Hartlepool"}
ROWS = (feed_row(**CLEVELAND), feed_row(**CLEVELAND))
_STRICT = """set -euo pipefail
trap 'echo "status $? at: $BASH_COMMAND" >&2' ERR
PROGRAMS=()
trap 'kill "${PROGRAMS[@]}" 2> /dev/null; wait' EXIT
"""


@dataclass(frozen=True)
class Block:
    """One fenced block; `kind` is what follows the fence."""

    heading: str
    kind: str
    body: str


def blocks() -> list[Block]:
    """Every block of the document, in order, with the heading it stands under."""
    text = DOCUMENT.read_text(encoding="utf-8")
    headings = [(found.start(), found[1]) for found in re.finditer(r"^## (.*)$", text, re.MULTILINE)]
    return [
        Block(max((at, title) for at, title in headings if at < found.start())[1], found[1], found[2])
        for found in _BLOCK.finditer(text)
    ]


def as_script(arranged: str) -> str:
    """The document as one script; `arranged` is done just before the first backup is taken."""
    parts = [_STRICT]
    for block in blocks():
        if block.heading == "8. Backup":
            parts.append(arranged)
        if block.kind == "sh background":
            assert block.body.count("\n") == 1, "a program is started by one command"
            parts.append(f'exec {block.body.strip()} >> "$LOG" 2>&1 &\nPROGRAMS+=($!)\n')
        else:
            parts.append(block.body)
    return "\n".join([*parts, "echo followed to the end", "read -r"])


@dataclass(frozen=True)
class Deployment:
    """What the document made, while its programs still run."""

    server: PasswordServer
    said: str
    port: int
    folder: Path


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("production")
    feed = folder / "feed.csv"
    providers = folder / "providers.csv"
    providers.write_text(directory_without_districts(), encoding="utf-8")
    feed.write_bytes(feed_file(*ROWS).getvalue())
    with password_server(folder) as server, own_valkey(folder) as redis_url, smtp_sink() as sink:
        port = free_port()
        chosen = {
            "ADMIN_URL": server.url("postgres", "postgres"),
            "DATABASE_HOST": server.address,
            "REDIS_URL": redis_url,
            "SMTP_URL": sink.url,
            "GATEWAY_MAIL_FROM": "gateway@force.example",
            "GATEWAY_OPERATIONS_EMAIL": "operations@force.example",
            "GATEWAY_AREA": "cleveland",
            "GATEWAY_PUBLIC_URL": "https://gateway.force.example",
            "PORT": str(port),
            "GATEWAY_HOME": str(folder / "home"),
            "SETTINGS": str(folder / "settings"),
            "BACKUPS": str(folder / "backups"),
            "KEY_BACKUPS": str(folder / "key-backups"),
            "PROVIDERS_FILE": str(providers),
            "ADMIN_EMAIL": "admin@force.example",
            "ADMIN_NAME": "Ada Example",
        }
        assert set(chosen) == variables_of_the_table()
        said = folder / "said.txt"
        run = follow(f'gateway import police-feed "{feed}"', {**chosen, "LOG": str(folder / "log")}, said)
        try:
            wait_for_the_end(run, said)
            yield Deployment(server, said.read_text(), port, folder)
        finally:
            end_group(run)


def variables_of_the_table() -> set[str]:
    """The variables that the document asks its reader to set."""
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"[A-Z_]+", row)}


def follow(arranged: str, chosen: dict[str, str], said: Path) -> subprocess.Popen[str]:
    """Start the script in a shell of its own; it waits at its end, its programs running, until it is ended."""
    clients = f"{postgres_program('psql').parent}:{os.environ['PATH']}"
    # a dozen programs start: the first one keeps what it has compiled for the others
    left_out = {"GATEWAY_ENV", "PYTHONDONTWRITEBYTECODE"}
    inherited = {name: value for name, value in os.environ.items() if name not in left_out}
    with said.open("w") as output:
        return subprocess.Popen(
            ["bash", "-c", as_script(arranged)],
            cwd=ROOT,
            env={**inherited, **chosen, "PATH": clients},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def wait_for_the_end(run: subprocess.Popen[str], said: Path) -> None:
    wait_until(lambda: "followed to the end" in said.read_text() or run.poll() is not None, _PATIENCE_S, said)
    assert run.poll() is None, said.read_text()[-4000:]


def test_every_block_of_the_document_is_one_that_is_run() -> None:
    assert {block.kind for block in blocks()} == {"sh", "sh background"}
    assert [block.heading[0] for block in blocks() if block.kind != "sh"] == ["4", "4", "4"]


def test_it_is_followed_to_the_end_and_the_service_serves(deployment: Deployment) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{deployment.port}/health/ready", timeout=10) as answer:
        assert answer.status == 200
    assert "starting password" in deployment.said


def test_what_is_restored_is_what_was_backed_up(deployment: Deployment) -> None:
    tables = (
        "referral",
        "person",
        "case_event",
        "wrapped_key",
        "provider_service",
        "app_user",
        "database_area",
    )
    counts = [counted(deployment.server, name, tables) for name in ("gateway", "gateway_restored")]
    assert counts[0] == counts[1]
    assert counts[0]["referral"] == counts[0]["person"] == len(ROWS)


def test_the_backup_of_the_data_has_no_keys_and_that_of_the_keys_nothing_else(deployment: Deployment) -> None:
    data = restorable(deployment.folder / "backups" / "gateway.dump")
    keys = restorable(deployment.folder / "key-backups" / "keys.dump")
    assert "referral" in data and "wrapped_key" not in data
    assert keys == {"wrapped_key"}


def test_the_restored_records_open_again_under_their_keys(deployment: Deployment) -> None:
    changed = deployment.folder / "changed.csv"
    changed.write_bytes(feed_file(*({**row, "town": "Newtown"} for row in ROWS)).getvalue())
    ours = settings_file(deployment.folder / "settings" / "gateway.env")
    assert ours["DATABASE_URL"].endswith("/gateway_restored")
    # an update has to open the person and what the force said before
    done = gateway("import", "police-feed", changed, "--json", environment={**os.environ, **ours})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["updated"] == len(ROWS)


def directory_without_districts() -> str:
    """The shipped directory for any area: a service without districts is for all of them."""
    with SHIPPED_DIRECTORY.open(newline="", encoding="utf-8") as file:
        rows = [{**row, "districts": ""} for row in csv.DictReader(file)]
    written = io.StringIO()
    writer = csv.DictWriter(written, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def counted(server: PasswordServer, database: str, tables: tuple[str, ...]) -> dict[str, int]:
    """The rows of each table, past row-level security."""
    with psycopg.connect(server.url("postgres", database)) as connection:
        found = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone() for name in tables}  # type: ignore[arg-type]
    return {name: int(row[0]) for name, row in found.items() if row}


def restorable(dump: Path) -> set[str]:
    """The tables that a dump has rows of."""
    listed = subprocess.run(
        [postgres_program("pg_restore"), "--list", dump], capture_output=True, text=True, check=True
    ).stdout
    return set(re.findall(r" TABLE DATA public (\w+) ", listed))


def settings_file(path: Path) -> dict[str, str]:
    """What the document wrote for the programs."""
    return dict(re.findall(r"^(\w+)='?(.*?)'?$", path.read_text(), re.MULTILINE))
