"""Background work: `celery -A workers worker` runs tasks, `python -m workers.beat` sends the regular ones."""

from victim_gateway.extensions import celery
from workers import celery_app

__all__ = ["celery", "celery_app"]
