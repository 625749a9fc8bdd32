"""Messages to people: what Notify reports of them, what has left, what a person has to decide."""

from victim_gateway.blueprints.victim_messages import outbox_routes, receipt_routes

BLUEPRINTS = (receipt_routes.bp, outbox_routes.bp, outbox_routes.unsent_bp)
