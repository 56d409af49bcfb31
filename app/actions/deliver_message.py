"""Give the head of one lane to its platform, and record what became of it."""

import random
import time
from dataclasses import dataclass, replace
from datetime import timedelta

from loguru import logger

from app.access import recalled
from app.actions.record_outcome import Piecework, record_delay, record_end, record_piece
from app.actions.renew_token import RenewalLater, renew_token
from app.actions.set_health import set_health
from app.actions.take_turn import PARKED, wait_of
from app.actions.turn_scene import DISCONNECTED, Scene, hopeless, scene_of
from app.actions.watch_gate import note_failure, note_success
from app.hub import Hub
from app.models.channel import Channel, Health
from app.models.failure import Failure, FailureClass, Refused
from app.models.outbox import Turn
from app.models.retrying import next_try

GONE = Failure(kind=FailureClass.CONTENT, code="gone", reason="There is no such message any more.")
INTERRUPTED = Failure(
    kind=FailureClass.UNCERTAIN,
    code="interrupted",
    reason="The server stopped while it was sending this, so it may have been sent.",
)


@dataclass(slots=True)
class _Clock:
    """Since when the claim holds: a call must end well before it runs out, or another may send the same."""

    began: float
    lease: float

    @property
    def is_late(self) -> bool:
        """Tell whether a call that begins now could outlive the claim: it may take a third of it."""
        return time.monotonic() - self.began > self.lease / 3


async def deliver_message(hub: Hub, turn: Turn) -> None:
    """Do one turn: every piece that is not out yet, one after the other, each noted before the next.

    Raises a Refusal when the outcome cannot be written down: then the claim runs out, and nobody sends it again.
    """
    hub.journal.probe("after_claim")
    scene = await scene_of(hub, turn)
    if scene is None:
        await record_end(hub, turn, GONE, 0)
        return
    end = INTERRUPTED if turn.interrupted else await hopeless(hub, scene)
    if end is not None:
        await record_end(hub, turn, end, len(scene.pieces))
    elif (wait := wait_of(hub, scene.channel)) > 0:  # it was shut between the look and the claim
        await hub.store.lanes.release(turn, wait)
    else:
        await _send(hub, turn, scene)


async def _send(hub: Hub, turn: Turn, scene: Scene) -> None:
    clock = _Clock(turn.began, hub.store.lanes.lease)
    for index in scene.unsent:
        if clock.is_late:
            await hub.store.lanes.release(turn, 0.0)
            return
        at, clock_then = hub.now(), time.monotonic()
        try:
            scene, id = await _attempt(hub, turn, scene, index, clock)
        except Refused as refused:
            await _refused(hub, turn, scene, refused.failure)
            return
        except RenewalLater as later:
            await _refused(hub, turn, scene, later.failure)
            return
        hub.journal.probe("after_answer")
        await note_success(hub, turn.channel_id)
        piece = Piecework(index=index, of=len(scene.pieces), external_id=id, at=at)
        began = time.monotonic()
        if not await record_piece(hub, turn, piece):
            return
        clock.began = began
        logger.bind(message_id=turn.message_id, piece=index, seconds=round(began - clock_then, 3)).info("piece sent")


async def _attempt(hub: Hub, turn: Turn, scene: Scene, index: int, clock: _Clock) -> tuple[Scene, str]:
    """Send one piece; with a token that ran out, get a newer one and try once more."""
    try:
        return scene, await hub.talk.run(scene.exchange(hub, index, turn.attempts))
    except Refused as refused:
        if refused.failure.kind is not FailureClass.AUTH:
            raise
        channel = await _renewed(hub, scene.channel, refused.failure)
        if channel is None or clock.is_late:
            raise
        scene = replace(scene, channel=channel)
    return scene, await hub.talk.run(scene.exchange(hub, index, turn.attempts))


async def _renewed(hub: Hub, channel: Channel, failure: Failure) -> Channel | None:
    """Return the channel with other credentials than those that were refused, if there are any."""
    if failure.renewable:
        return await renew_token(hub, channel)
    stored = await hub.store.channels.get(channel.company_id, channel.id)
    return stored if stored and stored.sealed and stored.sealed != channel.sealed else None


async def _cut_off(hub: Hub, channel: Channel, failure: Failure) -> Channel | None:
    """Say once that somebody must connect the channel again: a refused renewal has said it, with its own reason."""
    known = await recalled(hub, channel.company_id, Channel.ref(channel.id))
    if known is not None and known.health is Health.NEEDS_REAUTH and known.sealed == channel.sealed:
        return known
    return await set_health(hub, channel, Health.NEEDS_REAUTH, failure.reason)


async def _refused(hub: Hub, turn: Turn, scene: Scene, failure: Failure) -> None:
    """Let the class of a failure decide: the channel's health, its gate, and when or whether to try again."""
    logger.bind(message_id=turn.message_id, code=failure.code, kind=failure.kind).info("piece refused")
    gate = await note_failure(hub, turn.channel_id, failure)
    deadline = scene.deadline
    if failure.kind is FailureClass.AUTH:
        known = await _cut_off(hub, scene.channel, failure)
        if known is None:
            await record_end(hub, turn, DISCONNECTED, len(scene.pieces))
            return
        await record_delay(hub, turn, failure, hub.now() if known.can_send else deadline)
        return
    if failure.pauses:
        await set_health(hub, scene.channel, Health.PAUSED, failure.reason)
    now = hub.now()
    due = next_try(failure, turn.attempts, now, deadline, random.random())
    if due is None:
        await record_end(hub, turn, failure, len(scene.pieces))
        return
    if failure.pauses:
        due = max(due, now + timedelta(seconds=PARKED))
    await record_delay(hub, turn, failure, min(deadline, max(due, gate.shut_until or due)))
