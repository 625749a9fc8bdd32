"""Finding people by one box for a name, a number or a date; a page for each, and how they belong together."""

from victim_gateway.blueprints.people import person_routes, routes

BLUEPRINTS = (routes.bp, person_routes.bp)
