"""The manager's pages: are the promises kept, and how is the Gateway doing? Counts only, no names."""

from victim_gateway.blueprints.compliance import routes

BLUEPRINTS = (routes.bp,)
