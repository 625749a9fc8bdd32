"""The least that Flask can answer: the anchor of `bench.requests`."""

from __future__ import annotations

from flask import Flask

app = Flask(__name__)


@app.get("/")
def page() -> str:
    """One line of HTML, from no template and no database."""
    return "<!DOCTYPE html><title>Bare</title><p>Bare"
