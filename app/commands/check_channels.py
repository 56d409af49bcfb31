"""The check of `doctor` that finds channels which cannot work: this server is not set up to hear or speak for them."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator

from app.actions.channel_warnings import channel_warnings
from app.commands.finding import Finding, State, counted
from app.models.channel import CAN_SEND, IN_PROCESS, Health
from app.models.contact import Platform
from app.platforms.all import networks_for
from app.settings import Settings
from app.stores.database import Stores

CHECK = "channels"
NAMES_THEM = "GET /api/v1/channels names them, each with its health_reason."
AT_ONCE = 500  # channels in one query
MOST = 5000  # channels that are looked at one by one: what is missing for so many is missing for the others too


async def of_channels(settings: Settings, stores: Stores) -> AsyncIterator[Finding]:
    """Look at the connected accounts of all companies, and at the settings that these need."""
    found = await stores.credentials.counted()
    accounts = Counter[Platform]()
    for (platform, _), count in found.items():
        if platform not in IN_PROCESS:
            accounts[platform] += count
    listed = ", ".join(f"{count} {platform.value}" for platform, count in sorted(accounts.items()))
    yield Finding(
        CHECK, State.OK, f"connected: {listed or 'none'}", facts={each.value: count for each, count in accounts.items()}
    )
    least = "at least " if accounts.total() > MOST else ""
    for finding in (*_of_warnings(await _warned(settings, stores), least), *_of_health(found)):
        yield finding


async def _warned(settings: Settings, stores: Stores) -> Counter[str]:
    """Count the channels of each warning that REST shows."""
    networks = networks_for(settings)
    found, after = Counter[str](), None
    for _ in range(MOST // AT_ONCE):
        page = await stores.credentials.of_platforms(networks, after=after, limit=AT_ONCE)
        for channel in page:
            found.update(channel_warnings(settings, networks.get(channel.platform), channel))
        if len(page) < AT_ONCE:
            break
        after = page[-1].id
    return found


def _of_warnings(found: Counter[str], least: str) -> Iterator[Finding]:
    for sentence, count in found.items():
        hears = counted(count, "channel may not hear its customers", "channels may not hear their customers")
        yield Finding(CHECK, State.WARNING, f"{least}{hears}", sentence, {"channels": count})


def _of_health(found: Counter[tuple[Platform, Health]]) -> Iterator[Finding]:
    ended = sum(count for (_, health), count in found.items() if health not in (*CAN_SEND, Health.PAUSED))
    if ended:
        says = f"{counted(ended, 'channel', 'channels')} cannot send until connected again"
        yield Finding(CHECK, State.WARNING, says, NAMES_THEM)
