"""What a WSGI server serves. Without DATABASE_URL and REDIS_URL the embedded servers are used, or started."""

from config import load
from config.startup import GUNICORN_STOPS, exit_on_wrong_setting
from victim_gateway import create_app
from victim_gateway.database.area_record import check_area
from victim_gateway.integrations import embedded

with exit_on_wrong_setting(GUNICORN_STOPS):
    settings = embedded.for_process(load())
    check_area(settings)
    app = create_app(settings)
