"""`gateway demo seed`: what it prints, and where it refuses."""

from __future__ import annotations

import base64
import json
import secrets

from tests.plumbing.programs import RunGateway


def test_it_prints_one_json_document_and_refuses_a_second_time(run_gateway: RunGateway) -> None:
    done = run_gateway("demo", "seed", "--referrals", "4", "--seed", "7", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["referrals"] == sum(made["states"].values()) == 4
    assert "caseworker@demo.example" in made["sign_ins"]
    assert made["password"] == "victim-gateway-demo"

    again = run_gateway("demo", "seed")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.strip().splitlines()[-1].startswith("gateway: there is demo data here already")


def test_it_refuses_in_production_with_one_line(run_gateway: RunGateway) -> None:
    done = run_gateway(
        "demo",
        "seed",
        GATEWAY_ENV="production",
        SECRET_KEY=secrets.token_urlsafe(48),
        GATEWAY_DATA_KEYS=f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        GATEWAY_PUBLIC_URL="https://gateway.example",
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == "gateway: demo data is not for production: nothing was changed"


def test_it_refuses_a_number_that_makes_no_sense(run_gateway: RunGateway) -> None:
    assert run_gateway("demo", "seed", "--referrals", "0").returncode == 2
