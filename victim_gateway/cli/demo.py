"""Make demonstration data: invented people and cases in every state."""

from __future__ import annotations

import click

from config import load_settings
from victim_gateway import times
from victim_gateway.cli._context import gateway_app
from victim_gateway.cli._output import emit_fields, emit_json, json_option, progress_bar
from victim_gateway.demo import DEFAULT_REFERRALS, DEFAULT_SEED, DEMO_PASSWORD, refuse_in_production

MOST = 5000


@click.group(help=__doc__)
def group() -> None:
    pass


@group.command()
@click.option(
    "--referrals",
    type=click.IntRange(1, MOST),
    default=DEFAULT_REFERRALS,
    show_default=True,
    help="How many; from about 100 on there is one in every state.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=DEFAULT_SEED,
    show_default=True,
    help="Another number gives other people.",
)
@json_option
def seed(referrals: int, seed: int, as_json: bool) -> None:
    """Fill an empty service with a demonstration, the same one for the same seed. Not in production."""
    refuse_in_production(load_settings())
    with gateway_app(), progress_bar("Making demo data") as bar:
        from victim_gateway.demo import seeding

        made = seeding.seed_demo(referrals=referrals, seed=seed, at=times.now(), progress=bar.update)
    document = made.document() | {"password": DEMO_PASSWORD}
    if as_json:
        emit_json(document)
        return
    states, onward = document.pop("states"), document.pop("onward_states")
    emit_fields(document | {"sign_ins": ", ".join(made.sign_ins)})
    emit_fields({f"referrals {name}": count for name, count in states.items()})
    emit_fields({f"onward referrals {name}": count for name, count in onward.items()})
