"""The social platforms as a server on loopback: strict like the true ones, and told what to do by tests.

python -m tests.fake_platforms --port 8090 --webhooks http://127.0.0.1:4000/api/v1/webhooks --app-secret SECRET

The platform plane answers as Graph, Instagram, Telegram and a Meta bot server; `/__fake__/` is where a test asks and
tells (control.py). A token must be registered, a customer must have written, and their window must be open.
"""

from tests.fake_platforms.server import FakePlatforms, serving_platforms

__all__ = ["FakePlatforms", "serving_platforms"]
