"""What gunicorn reads by itself in this folder: the program is loaded once, and its processes share it."""

from __future__ import annotations

import gc
from typing import Any

preload_app = True
# What is read at the start stays: looking for cycles in it as it grows takes an eighth of the time.
gc.disable()


def when_ready(server: Any) -> None:
    """Called before the first worker is forked: what is there by now is never written to by the collector."""
    gc.collect()
    gc.freeze()
    gc.enable()


def post_fork(server: Any, worker: Any) -> None:
    """A worker opens connections of its own: one that two processes use at once mixes their answers."""
    from victim_gateway.extensions import db
    from wsgi import app

    with app.app_context():
        for engine in db.engines.values():
            engine.dispose(close=False)
