"""`reencrypt`: after a new key was put in front of ENCRYPTION_KEYS, seal what is stored with it."""

from argparse import Namespace

from app.actions.reencrypt import reencrypt
from app.commands.arguments import no_arguments
from app.commands.command import DONE, WRONG, Command
from app.commands.output import answer, note, one_line
from app.commands.surroundings import hub_here

DOES = (
    "seal all channels' credentials with the newest of ENCRYPTION_KEYS; keep the older ones for 15 minutes more, "
    "after which the sign-ins at Facebook that were under way have lapsed"
)


async def _reencrypt(args: Namespace) -> int:
    async with hub_here() as hub:
        done = await reencrypt(hub)
    for channel in done.unreadable:
        where = f"{channel.platform} channel {channel.id} ({one_line(channel.name)}) of company {channel.company_id}"
        note(f"No key of ENCRYPTION_KEYS opens the credentials of the {where}.")
    sentence = f"The credentials of {done.sealed} {'channel' if done.sealed == 1 else 'channels'} were sealed anew."
    body = {"sealed": done.sealed, "unreadable": [channel.id for channel in done.unreadable]}
    answer(body, sentence, as_json=args.json)
    return WRONG if done.unreadable else DONE


REENCRYPT = Command("reencrypt", DOES, no_arguments, _reencrypt)
