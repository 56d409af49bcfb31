"""How often one company may have a platform called, and how many accounts it may connect.

All companies share one Meta app, so what one has Meta asked is taken from what Meta grants to all. Replies are not
counted here: they have limits of their own, by channel.
"""

from app.errors import TooManyChannels
from app.hub import Hub
from app.models.entity import ChannelId, CompanyId
from app.outside.limiter import Rate

# Connecting, testing, resuming and signing in, together: somebody with forty pages connects them all at once.
CALLS = Rate(count=10, seconds=60.0, burst=40)
TESTS = Rate(count=1, seconds=10.0, burst=3)  # of one channel, by whichever door
MOST_CHANNELS = 200  # connected ones of a company


def take_call(hub: Hub, company_id: CompanyId) -> None:
    """Take one of a company's calls, before its platform is asked. Raises RateLimited."""
    hub.limiter.take(f"platform calls of {company_id}", CALLS)


def take_test(hub: Hub, company_id: CompanyId, channel_id: ChannelId) -> None:
    """Take one of the questions about a channel, and one of its company's calls. Raises RateLimited."""
    hub.limiter.take(f"tests of {channel_id}", TESTS)
    take_call(hub, company_id)


async def require_room(hub: Hub, company_id: CompanyId) -> None:
    """Pass a company that may connect another account. Raises TooManyChannels.

    Counted beside the lock: those that are connected in the same moment may be too many by as many, which does no harm.
    """
    if await hub.store.channels.count_connected(company_id) >= MOST_CHANNELS:
        raise TooManyChannels
