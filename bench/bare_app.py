"""The least that Flask can serve: what requests of real pages are held against, on the same gunicorn."""

from __future__ import annotations

from flask import Flask

app = Flask(__name__)


@app.get("/")
def page() -> str:
    """A page without a session, a query or a template."""
    return "<!doctype html><title>Bare</title>" + "<p>bare</p>" * 1000
