"""What a WSGI server serves. Without DATABASE_URL and REDIS_URL the embedded servers are used, or started."""

from config import load_settings
from config.startup import GUNICORN_STOPS, exit_on_wrong_setting
from victim_gateway import create_app, devservers
from victim_gateway.database.area_record import check_area

with exit_on_wrong_setting(GUNICORN_STOPS):
    settings = devservers.start_embedded_servers(load_settings())
    check_area(settings)
    app = create_app(settings)
