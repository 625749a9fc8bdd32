"""The blueprint that the files of routes share."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("providers", __name__, template_folder="templates")
