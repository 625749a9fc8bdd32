"""The blueprint that the routes of the directory share."""

from flask import Blueprint

bp = Blueprint("providers", __name__, template_folder="templates")
