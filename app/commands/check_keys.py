"""What `doctor` says of ENCRYPTION_KEYS: which of them something still needs, and what needs one that is gone."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence

from app.commands.finding import Finding, State
from app.models.channel import Channel
from app.models.contact import Platform
from app.outside.derived import key_name
from app.outside.vault import Vault
from app.settings import Settings
from app.stores.database import Stores, connect, stores_in

CHECK = "encryption keys"
AT_ONCE = 500  # channels in one query
MOVE = (
    "python -m app reencrypt seals credentials with the newest; a sign-in takes it at its next refresh. "
    "Keep a key as long as backups from its time."
)


async def of_keys(settings: Settings, uri: str) -> AsyncIterator[Finding]:
    """Look at what is stored under each key. Keys that this server made by itself are one, and never changed."""
    keys = [key.get_secret_value() for key in settings.encryption_keys]
    if not keys:
        return
    async with connect(settings, uri) as client:
        stores = stores_in(client, settings.database)
        sign_ins, channels = await stores.sessions.by_key(), await _channels_by_key(stores, keys)
    names = [key_name(key) for key in keys]
    for number, name in enumerate(names[1:], 2):
        yield _of_older(f"the {_ordinal(number)} ({name})", sign_ins[name], channels[name])
    lost = sum(count for name, count in sign_ins.items() if name not in ("", *names))
    if lost:
        says = f"{_count(lost, 'sign-in was', 'sign-ins were')} made with a key that is not listed"
        yield Finding(CHECK, State.WARNING, says, "List the key again, or these people sign in anew.")
    yield Finding(CHECK, State.OK, f"the newest ({names[0]}) is what everything is made with from now on")


def _of_older(key: str, sign_ins: int, channels: int) -> Finding:
    if not sign_ins and not channels:
        return Finding(CHECK, State.OK, f"{key} is needed by nothing that is stored")
    needs = [_count(channels, "channel", "channels"), _count(sign_ins, "sign-in", "sign-ins")]
    facts = {"channels": channels, "sign_ins": sign_ins}
    return Finding(CHECK, State.OK, f"{key} is still needed by {' and '.join(needs)}", MOVE, facts)


async def _channels_by_key(stores: Stores, keys: Sequence[str]) -> Counter[str]:
    """Count the channels whose credentials each key opens."""
    rings, counted, after = [(key_name(key), Vault([key])) for key in keys], Counter[str](), None
    while page := await stores.credentials.of_platforms(Platform, after=after, limit=AT_ONCE):
        counted.update(name for channel in page for name, vault in rings if _opens(vault, channel))
        after = page[-1].id
    return counted


def _opens(vault: Vault, channel: Channel) -> bool:
    return channel.sealed is not None and vault.opens(channel.sealed)


def _count(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")
