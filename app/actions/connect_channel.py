"""Connect an account of a platform, so that its customers can be heard and answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.access import access_channel, company_of
from app.actions.ask_account import require_owned
from app.actions.channel_warnings import good_health
from app.actions.credentials import Secrets, complete, network_of
from app.actions.keys import Done, change_key, digest_of
from app.actions.open_grant import open_grant
from app.actions.platform_limits import require_room, take_call
from app.actions.start_channel import start_channel
from app.errors import AlreadyConnected, Duplicate, Invalid, NotConnectable
from app.events import ChannelUpdated
from app.hub import Hub
from app.journal.change import Change, Committed, Decision, Seen
from app.models.caller import Caller
from app.models.channel import Channel
from app.models.contact import Platform
from app.models.entity import ChannelId, GrantId, evolve
from app.models.fields import SENTENCES
from app.outside.security_log import CHANNEL_CONNECTED
from app.platforms.network import Account, Network

LONGEST_NAME = 200  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChannel:
    """An account to connect: with its credentials, or as one of the pages of a sign-in (`grant_id`)."""

    platform: Platform
    name: str | None = None
    external_id: str | None = None
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    grant_id: GrantId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a new channel will send with, and until when."""

    secrets: Secrets = field(repr=False)
    external_id: str | None
    expires_at: datetime | None = None


async def connect_channel(hub: Hub, caller: Caller, new: NewChannel, client_key: str | None = None) -> Done:
    """Return the channel as it is once the platform calls us; an account that the company had is the channel it was.

    Raises Invalid for credentials that are not complete or not accepted, AlreadyConnected, NotConnectable for an
    account that is not free, whose it is stays untold, or that the credentials are not of, PlatformAway,
    TooManyChannels and RateLimited.
    """
    network = network_of(hub, new.platform)
    means = await _means_of(hub, caller, network, new)
    account = Account(external_id=means.external_id or "", secrets=means.secrets)
    await require_room(hub, company_of(caller))
    take_call(hub, company_of(caller))
    told = await require_owned(hub, network, account)
    name = new.name or told.name or new.platform.title()
    done = await _commit(hub, caller, new, means, name[:LONGEST_NAME], client_key)
    channel = await access_channel(hub, caller, done.payload["channel"]["id"])
    if not done.replayed:
        hub.security.say(CHANNEL_CONNECTED, channel_id=channel.id, platform=channel.platform, **caller.facts())
    if not channel.is_connected:  # a replay, long after
        return Done.of(done, "channel")
    return Done(view=(await start_channel(hub, channel)).view(), replayed=done.replayed)


async def _means_of(hub: Hub, caller: Caller, network: Network, new: NewChannel) -> Means:
    if new.grant_id is not None:
        if not new.external_id:
            raise Invalid.of("external_id", "Say which of the pages.")
        opened = await open_grant(hub, caller, new.grant_id, new.platform, new.external_id)
        return Means(secrets=opened.secrets, external_id=new.external_id, expires_at=opened.expires_at)
    secrets = complete(network, new.credentials)
    own = network.account_in(secrets)
    if own and new.external_id not in (None, own):
        raise Invalid.of("external_id", "The credentials are another account's.")
    if network.credentials and not (own or new.external_id):
        raise Invalid.of("external_id", SENTENCES["missing"])
    return Means(secrets=secrets, external_id=own or new.external_id)


async def _commit(
    hub: Hub, caller: Caller, new: NewChannel, means: Means, name: str, client_key: str | None
) -> Committed:
    key, claimed = change_key(hub, caller, "connect_channel", client_key)
    id, main = ChannelId(hub.new_id()), Channel.main_of(new.platform)
    former = Channel.former_of(new.platform, means.external_id) if means.external_id else None

    def decide(seen: Seen, now: datetime) -> Decision:
        before = seen.get(former) if former else None
        known = before or Channel(
            id=id, company_id=company_of(caller), platform=new.platform, name=name, created_at=now
        )
        channel = _connected(hub, evolve(known, name=new.name or known.name, main=seen.get(main) is None), means)
        return Decision(puts=(channel,), events=(ChannelUpdated(channel=channel),))

    change = Change(
        company_id=company_of(caller),
        key=key,
        claimed=claimed,
        digest=digest_of(new.platform, new.name, new.external_id, dict(new.credentials), new.grant_id),
        needs=(main, former) if former else (main,),
        decide=decide,
    )
    try:
        return await hub.journal.commit(change)
    except Duplicate:
        own = await hub.store.channels.with_account(change.company_id, new.platform, means.external_id or "")
        raise (AlreadyConnected if own else NotConnectable) from None


def _connected(hub: Hub, channel: Channel, means: Means) -> Channel:
    """Return a channel, new or once disconnected, as connected: a former one keeps its id, and so all that was said."""
    after = evolve(
        channel,
        external_id=means.external_id,
        former_external_id=None,
        sealed=hub.vault.seal(channel.id, means.secrets) if means.secrets else None,
        expires_at=means.expires_at,
        calls_at=None,
        paused_by=None,
        disconnected_at=None,
    )
    return evolve(after, **good_health(hub, after))
