"""Recording a referral that did not come by a feed."""

from victim_gateway.blueprints.intake.routes import bp

__all__ = ["bp"]
