"""Connected accounts over REST."""

from typing import Any

from pydantic import SecretStr

from app.actions.begin_facebook_login import begin_facebook_login
from app.actions.channel_warnings import shown_after
from app.actions.check_channel import check_channel
from app.actions.connect_channel import NewChannel, connect_channel
from app.actions.disconnect_channel import disconnect_channel
from app.actions.edit_channel import ChannelEdit, edit_channel
from app.actions.finish_facebook_login import finish_facebook_login
from app.actions.keys import Done
from app.actions.pause_channel import pause_channel
from app.actions.read_inbox import list_channels, read_channel
from app.actions.resume_channel import resume_channel
from app.handlers.bodies import NoQuery, Page
from app.handlers.channel_bodies import ChannelBody, ChannelEditBody, LoginBeginBody, LoginFinishBody
from app.handlers.endpoint import Ask, Reply
from app.models.entity import ChannelId, GrantId


async def connect(ask: Ask[ChannelBody, NoQuery]) -> Reply:
    """Connect an account."""
    body = ask.body
    new = NewChannel(
        platform=body.platform,
        name=body.name,
        external_id=body.external_id,
        credentials=_in_the_clear(body.credentials or {}),
        grant_id=GrantId(body.grant_id) if body.grant_id else None,
    )
    done = await shown_after(ask.hub, ask.caller, await connect_channel(ask.hub, ask.caller, new, ask.key))
    return Reply(done.view, status=200 if done.replayed else 201, replayed=done.replayed)


def _in_the_clear(credentials: dict[str, SecretStr]) -> dict[str, str]:
    return {name: secret.get_secret_value() for name, secret in credentials.items()}


async def channels(ask: Ask[None, Page]) -> Reply:
    """List what is connected, newest first."""
    query = ask.query
    return Reply.page(*await list_channels(ask.hub, ask.caller, before=query.before_seq, limit=query.limit))


async def channel(ask: Ask[None, NoQuery]) -> Reply:
    """Return one channel."""
    return Reply(await read_channel(ask.hub, ask.caller, ask.id))


async def edit(ask: Ask[ChannelEditBody, NoQuery]) -> Reply:
    """Rename one channel, or connect it again with new credentials."""
    given = ask.body.credentials
    change = ChannelEdit(name=ask.body.name, credentials=_in_the_clear(given) if given is not None else None)
    return await _shown(ask, await edit_channel(ask.hub, ask.caller, ChannelId(ask.id), change, ask.key))


async def disconnect(ask: Ask[None, NoQuery]) -> Reply:
    """Give one account up."""
    return await _shown(ask, await disconnect_channel(ask.hub, ask.caller, ChannelId(ask.id), ask.key))


async def check(ask: Ask[None, NoQuery]) -> Reply:
    """Ask the platform how one channel is."""
    return Reply(await check_channel(ask.hub, ask.caller, ChannelId(ask.id)))


async def pause(ask: Ask[None, NoQuery]) -> Reply:
    """Stop one channel from sending."""
    return await _shown(ask, await pause_channel(ask.hub, ask.caller, ChannelId(ask.id), ask.key))


async def resume(ask: Ask[None, NoQuery]) -> Reply:
    """Let one channel send again."""
    return await _shown(ask, await resume_channel(ask.hub, ask.caller, ChannelId(ask.id), ask.key))


async def _shown(ask: Ask[Any, NoQuery], done: Done) -> Reply:
    return Reply.done(await shown_after(ask.hub, ask.caller, done))


async def begin_login(ask: Ask[LoginBeginBody, NoQuery]) -> Reply:
    """Say where a person goes to let us use their pages."""
    return Reply(await begin_facebook_login(ask.hub, ask.caller, ask.body.redirect_uri))


async def finish_login(ask: Ask[LoginFinishBody, NoQuery]) -> Reply:
    """List the pages of a person who came back."""
    return Reply(await finish_facebook_login(ask.hub, ask.caller, ask.body.state, ask.body.code))
