"""Finding people: one box for a name, a reference, a number or a date."""

from victim_gateway.blueprints.people import routes

BLUEPRINTS = (routes.bp,)
