"""The check of `doctor` that counts what each of ENCRYPTION_KEYS is needed for, and what needs one that is gone."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence

from app.commands.finding import Finding, State, counted
from app.models.channel import Channel
from app.models.contact import Platform
from app.outside.derived import key_name
from app.outside.secrets import recall
from app.outside.vault import Vault
from app.settings import Settings
from app.stores.database import Stores

CHECK = "encryption keys"
LOST = ""  # no key's name
LIST_AGAIN = "List the key in ENCRYPTION_KEYS again"
AT_ONCE = 500  # channels in one query
MOVE = (
    "python -m app reencrypt seals credentials with the newest; a sign-in takes it at its next refresh. "
    "Keep a key as long as backups from its time."
)


async def of_keys(settings: Settings, stores: Stores) -> AsyncIterator[Finding]:
    """Look at what is stored under each key, one that this server made by itself included."""
    keys = [key.get_secret_value() for key in recall(settings).encryption_keys]
    sign_ins, channels = await stores.sessions.by_key(), await _channels_by_key(stores, keys)
    names = [key_name(key) for key in keys]
    if channels[LOST]:
        sealed = counted(channels[LOST], "channel", "channels")
        says = f"the credentials of {sealed} are opened by no key that is listed"
        yield Finding(CHECK, State.WARNING, says, f"{LIST_AGAIN}, or connect these accounts anew.")
    for number, name in enumerate(names[1:], 2):
        yield _of_older(f"the {_ordinal(number)} ({name})", sign_ins[name], channels[name])
    lost = sum(count for name, count in sign_ins.items() if name not in ("", *names))
    if lost:
        says = f"{counted(lost, 'sign-in was', 'sign-ins were')} made with a key that is not listed"
        yield Finding(CHECK, State.WARNING, says, f"{LIST_AGAIN}, or these people sign in anew.")
    if names:
        yield Finding(CHECK, State.OK, f"the newest ({names[0]}) is what everything is made with from now on")


def _of_older(key: str, sign_ins: int, channels: int) -> Finding:
    if not sign_ins and not channels:
        return Finding(CHECK, State.OK, f"{key} is needed by nothing that is stored")
    needs = [counted(channels, "channel", "channels"), counted(sign_ins, "sign-in", "sign-ins")]
    facts = {"channels": channels, "sign_ins": sign_ins}
    return Finding(CHECK, State.OK, f"{key} is still needed by {' and '.join(needs)}", MOVE, facts)


async def _channels_by_key(stores: Stores, keys: Sequence[str]) -> Counter[str]:
    """Count the channels whose credentials each key opens; as LOST those that none does."""
    rings, found, after = [(key_name(key), Vault([key])) for key in keys], Counter[str](), None
    while page := await stores.credentials.of_platforms(Platform, after=after, limit=AT_ONCE):
        for channel in page:
            found.update([name for name, vault in rings if _opens(vault, channel)] or [LOST])
        after = page[-1].id
    return found


def _opens(vault: Vault, channel: Channel) -> bool:
    return channel.sealed is not None and vault.opens(channel.sealed)


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")
