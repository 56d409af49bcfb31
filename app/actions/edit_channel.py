"""Rename a channel, or give it new credentials: with those it is connected again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.access import access_channel, company_of
from app.actions.ask_account import require_owned
from app.actions.channel_warnings import good_health
from app.actions.connected import connected
from app.actions.credentials import Secrets, merged
from app.actions.keys import Done, change_key, digest_of
from app.actions.platform_limits import take_call
from app.actions.start_channel import start_channel
from app.errors import Invalid
from app.events import ChannelUpdated
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.caller import Caller
from app.models.channel import Channel
from app.models.entity import ChannelId, evolve
from app.outside.security_log import CHANNEL_REKEYED
from app.platforms.network import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEdit:
    """What shall change; of the credentials those that are named, the others stay."""

    name: str | None = None
    credentials: Mapping[str, str] | None = field(default=None, repr=False)


async def edit_channel(
    hub: Hub, caller: Caller, id: ChannelId, edit: ChannelEdit, client_key: str | None = None
) -> Done:
    """Return the channel as it is now.

    Raises NotFound, NotConnected, Invalid for credentials that are not accepted, NotConnectable for another account's,
    PlatformAway and RateLimited.
    """
    channel = await access_channel(hub, caller, id)
    if edit.credentials is not None and channel.is_connected:
        secrets = merged(hub, channel, edit.credentials)
        take_call(hub, channel.company_id)
        await _require_owned(hub, channel, secrets)
    key, claimed = change_key(hub, caller, "edit_channel", client_key)

    def decide(seen: Seen, now: datetime) -> Decision:
        before = connected(seen.get(Channel.ref(id)))
        after = evolve(before, name=edit.name or before.name)
        if edit.credentials is not None:
            after = _reconnected(hub, after, edit.credentials)
        if after == before:
            return Decision(answer=before.view())
        return Decision(puts=(after,), events=(ChannelUpdated(channel=after),))

    given = dict(edit.credentials) if edit.credentials is not None else None
    change = Change(
        company_id=company_of(caller),
        key=key,
        claimed=claimed,
        digest=digest_of(id, edit.name, given),
        needs=(Channel.ref(id),),
        decide=decide,
    )
    done = Done.of(await hub.journal.commit(change), "channel")
    if edit.credentials is None or done.replayed:
        return done
    hub.security.say(CHANNEL_REKEYED, channel_id=id, platform=channel.platform, **caller.facts())
    return Done(view=(await start_channel(hub, await access_channel(hub, caller, id))).view(), replayed=False)


async def _require_owned(hub: Hub, channel: Channel, secrets: Secrets) -> None:
    network = hub.networks[channel.platform]
    if network.credentials and network.account_in(secrets) not in (None, channel.external_id):
        raise Invalid.of(f"credentials.{network.credentials[0].name}", "This is another account's.")
    await require_owned(hub, network, Account(external_id=channel.external_id or "", secrets=secrets))


def _reconnected(hub: Hub, channel: Channel, given: Mapping[str, str]) -> Channel:
    secrets = merged(hub, channel, given)
    return evolve(
        channel,
        sealed=hub.vault.seal(channel.id, secrets) if secrets else None,
        expires_at=None,
        paused_by=None,
        **good_health(hub, channel),
    )
