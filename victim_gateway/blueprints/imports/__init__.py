"""Importing a feed through the web: send a file, watch it arrive, see what was set aside."""

from victim_gateway.blueprints.imports import routes

BLUEPRINTS = (routes.bp,)
