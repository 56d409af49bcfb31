"""Do what is due in one lane: claim it and deliver its head."""

from app.actions.deliver_message import deliver_message
from app.actions.take_turn import take_turn
from app.hub import Hub
from app.models.outbox import Due


async def serve_lane(hub: Hub, due: Due) -> None:
    """Do one turn, if it is to be had."""
    turn = await take_turn(hub, due)
    if turn is not None:
        await deliver_message(hub, turn)
