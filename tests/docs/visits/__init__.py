"""The sample area of docs/pages.md: visits that a caseworker logs."""

from tests.docs.visits import routes

BLUEPRINTS = (routes.bp,)
