"""Take a message back: its place in the conversation stays, its words go."""

from datetime import datetime

from app.access import access_message
from app.actions.cancel_message import called_off
from app.actions.keys import Done, commit_on
from app.errors import NotFound
from app.events import MessageDeleted
from app.hub import Hub
from app.journal.change import Decision, Seen
from app.models.caller import Caller
from app.models.conversation import Conversation
from app.models.message import Message


async def delete_message(hub: Hub, caller: Caller, id: str, client_key: str | None = None) -> Done:
    """Return what is left of the message; deleting it again changes nothing. Raises NotFound.

    One that waits to be sent is called off with it. Raises BeingSent while it is on its way.
    """
    before = await access_message(hub, caller, id)
    things = (Message.ref(id), Conversation.ref(before.conversation_id))

    def decide(seen: Seen, now: datetime) -> Decision:
        message, conversation = seen.get(things[0]), seen.get(things[1])
        if message is None or conversation is None:
            raise NotFound
        if message.deleted_at is not None:
            return Decision(answer=message.view(conversation.marks))
        message, conversation, lanes = called_off(message, conversation)
        gone = message.deleted(now)
        left = conversation.with_changed(gone)
        return Decision(puts=(gone, left), events=(MessageDeleted(message=gone, conversation=left),), lanes=lanes)

    return await commit_on(hub, caller, "delete_message", things, decide, client_key)
