"""The check of `doctor` that finds channels which cannot work: this server is not set up to hear or speak for them."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator

from app.actions.check_tokens import META
from app.commands.finding import Finding, State, counted
from app.models.channel import CAN_SEND, IN_PROCESS, Health
from app.models.contact import Platform
from app.settings import Settings
from app.stores.database import Stores

CHECK = "channels"
WITH_WEBHOOKS = (*META, Platform.TELEGRAM)
NAMES_THEM = "GET /api/v1/channels names them, each with its health_reason."


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
    for finding in (*_of_settings(settings, accounts), *_of_health(found)):
        yield finding


def _of_settings(settings: Settings, accounts: Counter[Platform]) -> Iterator[Finding]:
    meta = sum(accounts[platform] for platform in META)
    if meta and settings.facebook_app_secret is None:
        says = f"{_channels(meta)} of Meta's: without FACEBOOK_APP_SECRET none of their webhooks can be proven"
        yield Finding(CHECK, State.WARNING, says, "Set FACEBOOK_APP_SECRET, from the app's settings at Meta.")
    called = sum(accounts[platform] for platform in WITH_WEBHOOKS)
    if called and settings.public_url is None:
        says = f"{_channels(called)}: without PUBLIC_URL no platform is told where to call"
        yield Finding(CHECK, State.WARNING, says, "Set PUBLIC_URL to the https address of this server.")


def _of_health(found: Counter[tuple[Platform, Health]]) -> Iterator[Finding]:
    ended = sum(count for (_, health), count in found.items() if health not in (*CAN_SEND, Health.PAUSED))
    if ended:
        says = f"{_channels(ended)} cannot send until connected again"
        yield Finding(CHECK, State.WARNING, says, NAMES_THEM)


def _channels(count: int) -> str:
    return counted(count, "channel", "channels")
