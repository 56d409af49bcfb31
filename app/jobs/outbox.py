"""The outbox at work: what becomes due is claimed and sent, many conversations at once, a channel's by its limit.

A commit that makes something due wakes it in this process; the poll finds what other processes left, what waited for
another try, and what a restart forgot.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Coroutine
from typing import Any

from loguru import logger
from pymongo.errors import ConnectionFailure

from app.actions.deliver_message import deliver_message
from app.actions.serve_lane import serve_lane
from app.actions.take_turn import MOST_DUE, due_turns, take_over
from app.actions.watch_gate import refresh_gates
from app.errors import Refusal
from app.hub import Hub
from app.models.entity import ChannelId, ConversationId
from app.models.gate import Gate
from app.models.outbox import Due, LaneStep
from app.outside.away import log_trouble

SOON = 60.0  # seconds: what is due within them is woken to the moment, the rest by the poll
TO_WRITE_DOWN = 2.0  # seconds that turns have at the end, besides what a platform may take to answer


class Outbox:
    """Every turn that this process does; at most `channel_parallel` at once for a channel."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._waiting: dict[ChannelId, deque[Due]] = {}
        self._known: set[ConversationId] = set()  # those that wait here, or are being sent for
        self._again: dict[ConversationId, Due] = {}  # became due while they were
        self._running: Counter[ChannelId] = Counter()
        self._turns: set[asyncio.Task[None]] = set()
        self._timers: dict[ConversationId, asyncio.TimerHandle] = {}
        self._more = False  # whether the last look saw only a part of what was due
        self._closing = False

    def start(self) -> None:
        """Listen to what the journal moves."""
        self.hub.journal.on_moves.append(self._moved)

    async def close(self) -> None:
        """Claim nothing more, and let each call that was begun end; the rest of a message is another turn's."""
        self._closing = True
        if self._moved in self.hub.journal.on_moves:
            self.hub.journal.on_moves.remove(self._moved)
        for timer in self._timers.values():
            timer.cancel()
        if self._turns:
            within = self.hub.settings.platform_timeout.total_seconds() + TO_WRITE_DOWN
            _, late = await asyncio.wait(self._turns, timeout=within)
            for turn in late:
                turn.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def poll(self) -> None:
        """Take in what is due."""
        await refresh_gates(self.hub)
        found = await due_turns(self.hub, [id for id in self._running if not self._has_room(id)])
        self._more = len(found) == MOST_DUE
        for due in found:
            if due.id not in self._known:
                self._offer(due)

    async def reap(self) -> None:
        """End the turns of those who died in the middle: their messages are uncertain, and the next may go."""
        for turn in await take_over(self.hub):
            self._start(deliver_message(self.hub, turn))

    def _moved(self, step: LaneStep) -> None:
        """Hear what a commit did to a row."""
        if timer := self._timers.pop(step.id, None):
            timer.cancel()
        if step.head is None or step.renew:
            return
        due = Due(step.id, step.company_id, step.channel_id)
        if step.after <= 0:
            self._offer(due)
        elif step.after <= SOON:
            loop = asyncio.get_running_loop()
            self._timers[step.id] = loop.call_later(step.after, self._ring, due)

    def _ring(self, due: Due) -> None:
        self._timers.pop(due.id, None)
        self._offer(due)

    def _offer(self, due: Due) -> None:
        """Let a conversation stand in its channel's line, once; what is made due meanwhile comes again."""
        if self._closing:
            return
        if due.id in self._known:
            self._again[due.id] = due
            return
        self._known.add(due.id)
        self._waiting.setdefault(due.channel_id, deque()).append(due)
        self._fill(due.channel_id)

    def _has_room(self, channel_id: ChannelId) -> bool:
        probes = self.hub.known.gates.get(channel_id, Gate()).probes
        return self._running[channel_id] < (1 if probes else self.hub.settings.channel_parallel)

    def _fill(self, channel_id: ChannelId) -> None:
        line = self._waiting.get(channel_id)
        while line and not self._closing and self._has_room(channel_id):
            self._running[channel_id] += 1
            self._start(self._serve(line.popleft()))
        if not line:
            self._waiting.pop(channel_id, None)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        turn = asyncio.create_task(work, name="outbox-turn")
        self._turns.add(turn)
        turn.add_done_callback(self._ended)

    def _ended(self, turn: "asyncio.Task[None]") -> None:
        """One turn may fall over without the others: its claim runs out, and the poll finds what is left."""
        self._turns.discard(turn)
        error = None if turn.cancelled() else turn.exception()
        if isinstance(error, Refusal):
            logger.bind(code=error.code).warning("an outcome could not be written down")
        elif isinstance(error, ConnectionFailure):
            log_trouble(error, "a turn of the outbox fell over")
        elif error is not None:
            logger.opt(exception=error).error("a turn of the outbox fell over")

    async def _serve(self, due: Due) -> None:
        try:
            await serve_lane(self.hub, due)
        finally:
            self._leave(due)

    def _leave(self, due: Due) -> None:
        self._known.discard(due.id)
        self._running[due.channel_id] -= 1
        if not self._running[due.channel_id]:
            del self._running[due.channel_id]
        if again := self._again.pop(due.id, None):
            self._offer(again)
        self._fill(due.channel_id)
        if self._more and len(self._known) < MOST_DUE // 2:  # a backlog: do not wait for the next look
            self._more = False
            self._start(self.poll())
