"""`demo`: `serve`, with the demo company made sure of; never in production, for its passwords were on a screen."""

from argparse import ArgumentParser, Namespace

from app.commands.command import DONE, Command
from app.commands.serve import SERVE, serve


def _arguments(parser: ArgumentParser) -> None:
    SERVE.arguments(parser)


async def _demo(args: Namespace) -> int:
    await serve(args, demo=True)
    return DONE


DEMO = Command("demo", "start the server with a demo company", _arguments, _demo)
