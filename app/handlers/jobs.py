"""What the server does by itself, over REST."""

from app.actions.read_jobs import read_jobs
from app.handlers.bodies import NoQuery
from app.handlers.endpoint import Ask, Reply


async def jobs(ask: Ask[None, NoQuery]) -> Reply:
    """List the jobs: when each ran last, how that ended, when it runs next."""
    return Reply(await read_jobs(ask.hub))
