"""Serve the fake platforms until interrupted: `python -m tests.fake_platforms --port 8090`."""

import argparse
import asyncio
import contextlib

from tests.fake_platforms import serving_platforms


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.fake_platforms", description=__doc__)
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--webhooks", help="where the product takes webhooks, as http://127.0.0.1:4000/api/v1/webhooks")
    parser.add_argument("--app-secret", default="app-secret", help="what Meta's payloads are signed with")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(options.port, options.webhooks, options.app_secret))


async def serve(port: int, webhooks: str | None, app_secret: str) -> None:
    """Serve, and say where."""
    async with serving_platforms(port=port, webhooks=webhooks, app_secret=app_secret) as fake:
        print(f"The fake platforms are at {fake.base}; tell them what to do at {fake.base}/__fake__/", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
