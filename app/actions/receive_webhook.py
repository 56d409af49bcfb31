"""Take in everything that one webhook tells: each thing once, those of one customer in their order."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from app.actions.find_account import channel_with, forget_account
from app.actions.receive_change import receive_change
from app.actions.receive_echo import receive_echo
from app.actions.receive_message import receive_message
from app.actions.record_receipt import record_receipt
from app.errors import Duplicate, IdempotencyConflict, NotConnected
from app.hub import Hub
from app.models.channel import Channel
from app.models.contact import Platform
from app.platforms.heard import Echoed, Heard, Left, Reacted, Receipt, Rewrote, Said, Unknown, Withdrew

AT_ONCE = 256  # customers of one webhook; the journal commits so many together

Told = tuple[Channel, Heard]


async def receive_webhook(hub: Hub, platform: Platform, payload: Mapping[str, Any], only: Channel | None) -> None:
    """Return when all of it is safe. With `only`, what concerns another account is not for us.

    What nobody here understands is kept as it came, and counted. Raises a Refusal that a retry may mend: what was
    stored by then is not stored twice.
    """
    heard = list(hub.networks[platform].hear(payload))
    lines, strange = await _sorted(hub, platform, heard, only)
    if strange:
        await hub.store.unheard.keep(platform.value, strange, hub.now())
    gate = asyncio.Semaphore(AT_ONCE)
    done = await asyncio.gather(*(_receive_line(hub, platform, line, gate) for line in lines), return_exceptions=True)
    for failed in (each for each in done if each is not None):
        raise failed


async def _sorted(
    hub: Hub, platform: Platform, heard: list[Heard], only: Channel | None
) -> tuple[list[list[Told]], list[tuple[str, Any]]]:
    """Return a line for each customer, and what is strange: unknown kinds, unknown accounts."""
    lines: dict[tuple[str, str], list[Told]] = {}
    strange: list[tuple[str, Any]] = []
    for told in heard:
        channel = only if only is not None else await channel_with(hub, platform, told.account)
        if only is not None and told.account and told.account != only.external_id:
            channel = None
        if isinstance(told, Unknown):
            strange.append((told.kind, told.raw))
        elif not told.peer or not getattr(told, "id", "known"):
            strange.append(("nameless", {"account": told.account, "kind": type(told).__name__}))
        elif channel is None:
            strange.append(("unknown account", {"account": told.account, "kind": type(told).__name__}))
        elif isinstance(told, Left):
            strange.append(("left", {"account": told.account, "peer": told.peer}))
        else:
            lines.setdefault((channel.id, told.peer), []).append((channel, told))
    return list(lines.values()), strange


async def _receive_line(hub: Hub, platform: Platform, line: list[Told], gate: asyncio.Semaphore) -> None:
    async with gate:
        for channel, told in line:
            try:
                await _receive(hub, channel, told)
            except NotConnected:
                await _receive_anew(hub, channel, told)
            except (Duplicate, IdempotencyConflict):
                continue  # it is stored already, under a key that is forgotten by now


async def _receive_anew(hub: Hub, channel: Channel, told: Heard) -> None:
    """Look again who has the account: the channel that we remembered was disconnected a moment ago."""
    forget_account(hub, channel)
    now = await channel_with(hub, channel.platform, channel.external_id or told.account)
    with suppress(NotConnected):
        if now is not None:
            return await _receive(hub, now, told)
    strange = {"account": told.account, "kind": type(told).__name__}
    await hub.store.unheard.keep(channel.platform.value, [("unknown account", strange)], hub.now())
    return None


async def _receive(hub: Hub, channel: Channel, told: Heard) -> None:
    if isinstance(told, Said):
        await receive_message(hub, channel, told)
    elif isinstance(told, Rewrote | Withdrew | Reacted):
        await receive_change(hub, channel, told)
    elif isinstance(told, Receipt):
        await record_receipt(hub, channel, told)
    elif isinstance(told, Echoed):
        await receive_echo(hub, channel, told)
