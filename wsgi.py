"""What a WSGI server serves. Without DATABASE_URL and REDIS_URL the embedded servers are used, or started."""

from config import load_settings
from victim_gateway import create_app, devservers

app = create_app(devservers.start_embedded_servers(load_settings()))
