"""What a WSGI server serves. Without DATABASE_URL and REDIS_URL the embedded servers are used, or started."""

from config import load
from victim_gateway import create_app
from victim_gateway.integrations import embedded

app = create_app(embedded.for_process(load()))
