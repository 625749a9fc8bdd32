"""The blueprint that the four files of routes share."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("onward_referrals", __name__, template_folder="templates")
