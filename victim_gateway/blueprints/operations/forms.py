"""The forms of the state of the system."""

from __future__ import annotations

from datetime import datetime

from wtforms import HiddenField
from wtforms.validators import ValidationError

from victim_gateway.web.forms import OUT_OF_DATE, BaseForm


class ConfirmDiscardForm(BaseForm):
    """A confirmation without further questions."""

    is_versioned = False


class DiscardAllForm(BaseForm):
    """A confirmation about everything that was parked until the page was opened."""

    is_versioned = False

    parked_until = HiddenField()

    @property
    def moment(self) -> datetime:
        """When the page was opened."""
        return datetime.fromisoformat(str(self.parked_until.data))

    def validate_parked_until(self, field: HiddenField) -> None:
        try:
            is_aware = datetime.fromisoformat(str(field.data)).tzinfo is not None
        except ValueError:
            is_aware = False
        if not is_aware:
            raise ValidationError(OUT_OF_DATE)
