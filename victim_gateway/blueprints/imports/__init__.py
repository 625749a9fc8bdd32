"""Importing a feed through the web: upload a file, follow its progress, download the rows set aside."""

from victim_gateway.blueprints.imports import routes

BLUEPRINTS = (routes.bp,)
