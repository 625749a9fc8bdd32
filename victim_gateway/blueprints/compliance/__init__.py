"""The manager's pages: compliance with the Code, and the Gateway's own figures. Counts only, no names."""

from victim_gateway.blueprints.compliance import routes

BLUEPRINTS = (routes.bp,)
