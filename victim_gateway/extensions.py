"""Objects shared by every room, not yet bound to an app."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any, ClassVar

from celery import Celery
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import DateTime, Enum, LargeBinary, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, registry

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def _values(members: type[enum.Enum]) -> list[str]:
    return [member.value for member in members]


class Base(DeclarativeBase):
    """Every model: aware times, enums as checked text, documents as jsonb, constraints told apart by name."""

    registry: ClassVar[registry] = registry(
        metadata=MetaData(naming_convention=NAMES),
        type_annotation_map={
            datetime: DateTime(timezone=True),
            bytes: LargeBinary,
            dict[str, Any]: JSONB,
            list[Any]: JSONB,
            enum.Enum: Enum(
                enum.Enum, native_enum=False, create_constraint=True, length=40, values_callable=_values
            ),
        },
    )


# expire_on_commit off: what a service returns stays readable, and nothing is fetched outside a transaction.
db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
login_manager = LoginManager()
csrf = CSRFProtect()
celery = Celery("victim_gateway")
