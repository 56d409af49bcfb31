"""Give the head of one lane to its platform, and record what became of it."""

import asyncio
import random
import time
from dataclasses import dataclass, replace
from datetime import timedelta

from loguru import logger

from app.access import recalled
from app.actions.open_secrets import secret_of
from app.actions.record_outcome import Piecework, record_delay, record_end
from app.actions.record_proof import keep_piece
from app.actions.renew_token import RenewalLater, renew_token
from app.actions.set_health import set_health
from app.actions.take_turn import PARKED, wait_of
from app.actions.turn_scene import DISCONNECTED, Scene, hopeless, scene_of
from app.actions.watch_gate import note_failure, note_success
from app.hub import Hub
from app.models.channel import Channel, Health
from app.models.failure import Failure, FailureClass, Refused
from app.models.outbox import Turn
from app.models.retrying import next_try, pause_after

GONE = Failure(kind=FailureClass.CONTENT, code="gone", reason="There is no such message any more.")
INTERRUPTED = Failure(
    kind=FailureClass.UNCERTAIN,
    code="interrupted",
    reason="The server stopped while it was sending this, so it may have been sent.",
)


@dataclass(slots=True)
class _Work:
    """A turn under way. `began` is since when its claim holds; `bound` ends whatever hangs when it no longer does."""

    scene: Scene
    lease: float
    began: float
    bound: asyncio.Timeout

    @property
    def is_late(self) -> bool:
        """Tell whether a call that begins now could outlive the claim: it may take a third of it."""
        return time.monotonic() - self.began > self.lease / 3

    def answered(self) -> None:
        """Take note that the platform has answered: writing that down has a bound of its own."""
        self.bound.reschedule(None)

    def renewed(self, began: float) -> None:
        """Take note that the claim holds anew since a moment."""
        self.began = began
        self.bound.reschedule(asyncio.get_running_loop().time() + self.lease)


async def deliver_message(hub: Hub, turn: Turn) -> None:
    """Do one turn: every piece that is not out yet, one after the other, each noted before the next.

    Raises a Refusal when the outcome cannot be written down: then the claim runs out, and nobody sends it again.
    """
    hub.journal.probe("after_claim")
    scene = await scene_of(hub, turn)
    if scene is None:
        await record_end(hub, turn, GONE, 0)
        return
    end = INTERRUPTED if turn.interrupted else await hopeless(hub, turn, scene)
    if end is not None:
        await record_end(hub, turn, end, len(scene.pieces))
    elif (wait := wait_of(hub, scene.channel)) > 0:  # it was shut between the look and the claim
        await hub.store.lanes.release(turn, wait)
    elif not scene.unsent:  # its echo came before its turn
        await record_end(hub, turn, INTERRUPTED, len(scene.pieces))
    else:
        lease = hub.store.lanes.lease
        async with asyncio.timeout(lease) as bound:
            await _send(hub, turn, _Work(scene, lease, turn.began, bound))


async def _send(hub: Hub, turn: Turn, work: _Work) -> None:
    for index in work.scene.unsent:
        if work.is_late or hub.drain.begun:  # the rest is for a later turn, in a process that stays
            await hub.store.lanes.release(turn, 0.0)
            return
        at = hub.now()
        try:
            id = await _attempt(hub, turn, work, index)
        except (Refused, RenewalLater) as refused:
            await _refused(hub, turn, work.scene, refused.failure)
            return
        work.answered()
        hub.journal.probe("after_answer")
        piece = Piecework(index=index, of=len(work.scene.pieces), external_id=id, at=at)
        began = time.monotonic()
        is_ours = await keep_piece(hub, turn, piece)
        await note_success(hub, turn.channel_id)
        if not is_ours:
            return
        work.renewed(began)
        logger.bind(message_id=turn.message_id, piece=index).info("piece sent")


async def _attempt(hub: Hub, turn: Turn, work: _Work, index: int) -> str:
    """Send one piece; with a token that ran out, get a newer one and try once more."""
    try:
        return await hub.talk.run(work.scene.exchange(hub, index, turn.attempts))
    except Refused as refused:
        if refused.failure.kind is not FailureClass.AUTH:
            raise
        before = work.scene.channel
        newer = await _newer(hub, before, refused.failure)
        if newer is None or work.is_late or hub.drain.begun:  # of newer credentials nothing is known: a later turn asks
            raise
        work.scene = replace(work.scene, channel=newer)  # what is found out from here on is about these
        if _tokens(hub, newer) == _tokens(hub, before):
            raise
    return await hub.talk.run(work.scene.exchange(hub, index, turn.attempts))


async def _newer(hub: Hub, channel: Channel, failure: Failure) -> Channel | None:
    """Return the channel with other credentials than those that were refused, if there are any."""
    if failure.renewable:
        return await renew_token(hub, channel)
    stored = await hub.store.channels.get(channel.company_id, channel.id)
    return stored if stored and stored.sealed and stored.sealed != channel.sealed else None


def _tokens(hub: Hub, channel: Channel) -> tuple[str, str]:
    return secret_of(hub, channel, "access_token"), secret_of(hub, channel, "bot_token")


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
    if failure.kind is FailureClass.AUTH:
        return await _unsigned(hub, turn, scene, failure)
    if failure.pauses:
        await set_health(hub, scene.channel, Health.PAUSED, failure.reason)
    now = turn.time_at(time.monotonic())
    due = next_try(failure, turn.attempts, now, scene.deadline, random.random())
    if due is None:
        await record_end(hub, turn, failure, len(scene.pieces))
        return None
    if failure.pauses:
        due = max(due, now + timedelta(seconds=PARKED))
    due = min(scene.deadline, max(due, gate.shut_until or due))
    await record_delay(hub, turn, failure, due, shut=failure.pauses)


async def _unsigned(hub: Hub, turn: Turn, scene: Scene, failure: Failure) -> None:
    """Keep a message whose channel was signed out, until somebody connects it again, or until its deadline."""
    known = await _cut_off(hub, scene.channel, failure)
    if known is None:
        await record_end(hub, turn, DISCONNECTED, len(scene.pieces))
    elif known.can_send:  # with other credentials by now
        again = turn.time_at(time.monotonic()) + timedelta(seconds=pause_after(turn.attempts, random.random()))
        await record_delay(hub, turn, failure, min(again, scene.deadline))
    else:
        await record_delay(hub, turn, failure, scene.deadline, shut=True)
