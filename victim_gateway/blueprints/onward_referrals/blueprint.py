"""The blueprint that the three files of routes share."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("onward_referrals", __name__, template_folder="templates")
