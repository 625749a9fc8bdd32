"""For auditors: who did and saw what, and whether the record of it is whole. No casework."""

from victim_gateway.blueprints.privacy import audit_routes

BLUEPRINTS = (audit_routes.bp,)
