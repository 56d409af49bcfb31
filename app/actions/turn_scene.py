"""What one turn is about: the message, its pieces, and how its platform is asked to take each."""

from dataclasses import dataclass
from datetime import datetime

from app.access import recalled
from app.actions.open_secrets import account_of
from app.actions.take_turn import sending_channel
from app.hub import Hub
from app.models.channel import Channel
from app.models.contact import Contact, Platform
from app.models.conversation import Conversation
from app.models.exchange import Exchange
from app.models.failure import Failure, FailureClass
from app.models.message import Attachment, Message
from app.models.outbox import Turn
from app.models.window import Window, window_for
from app.platforms.meta_bot import PATHS, MetaBot
from app.platforms.network import Piece, pieces_of

DISCONNECTED = Failure(
    kind=FailureClass.PERMISSION, code="disconnected", reason="This channel is disconnected; connect it again."
)
NO_NETWORK = Failure(
    kind=FailureClass.PERMISSION, code="unsupported", reason="Nothing can be sent to this platform from here."
)
CLOSED = Failure(
    kind=FailureClass.WINDOW,
    code="window",
    reason="The customer has not written lately: the platform takes no reply until they write again.",
)
NO_FILES = Failure(
    kind=FailureClass.CONTENT, code="attachment", reason="The bot server that sends for this channel takes no files."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One message on its way; `quoted` is the platform's id of the message that it answers."""

    message: Message
    conversation: Conversation
    channel: Channel
    pieces: tuple[tuple[str, Attachment | None], ...]
    quoted: str | None = None
    window: Window = Window.OPEN

    @property
    def deadline(self) -> datetime:
        """Return until when it is tried."""
        delivery = self.message.delivery
        return (delivery.deadline if delivery else None) or self.message.created_at

    @property
    def unsent(self) -> list[int]:
        """Return which pieces the platform does not have yet."""
        there = {part.index for part in self.message.parts if part.is_there}
        return [index for index in range(len(self.pieces)) if index not in there]

    def exchange(self, hub: Hub, index: int, attempt: int) -> Exchange[str]:
        """Return the conversation with the platform that sends one piece. Raises Refused."""
        text, attachment = self.pieces[index]
        piece = Piece(
            to=self.conversation.peer,
            text=text,
            attachment=attachment,
            reply_to=self.quoted if index == 0 else None,
            our_id=self.message.id if index == 0 else f"{self.message.id}/{index}",
            human_agent=self.window is Window.HUMAN_AGENT,
            attempt=attempt,
        )
        account = account_of(hub, self.channel)
        bot = _bot_for(hub, self.channel.platform)
        if bot is not None:
            ids = {"company_id": self.channel.company_id, "customer_id": self.message.contact_id}
            return bot.send(account, piece, **ids)
        return hub.networks[self.channel.platform].send(account, piece)


async def scene_of(hub: Hub, turn: Turn) -> Scene | None:
    """Return what a turn is about, None when its message is gone."""
    message = await hub.store.messages.get(turn.company_id, turn.message_id)
    conversation = await recalled(hub, turn.company_id, Conversation.ref(turn.id))
    channel = await sending_channel(hub, turn.company_id, turn.channel_id)
    if message is None or conversation is None or channel is None:
        return None
    network = hub.networks.get(channel.platform)
    return Scene(
        message=message,
        conversation=conversation,
        channel=channel,
        pieces=pieces_of(message.content, message.attachments, network.limits) if network else (),
        quoted=await _quoted(hub, turn, message),
        window=await _window_of(hub, turn, message, channel),
    )


async def hopeless(hub: Hub, turn: Turn, scene: Scene) -> Failure | None:
    """Return why this message cannot be sent at all, without asking the platform; None when it can be tried."""
    delivery = scene.message.delivery
    if turn.is_over and delivery is not None:
        why = delivery.reason or "The channel could not send."
        kind = delivery.kind or FailureClass.TRANSIENT
        return Failure(kind=kind, code=delivery.code or "deadline", reason=f"It could not be sent in time. {why}")
    if not scene.channel.is_connected:
        return DISCONNECTED
    if scene.channel.platform not in hub.networks:
        return NO_NETWORK
    if scene.window is Window.CLOSED:
        return CLOSED
    has_files = any(attachment for _, attachment in scene.pieces)
    return NO_FILES if has_files and _bot_for(hub, scene.channel.platform) else None


def _bot_for(hub: Hub, platform: Platform) -> MetaBot | None:
    """Return the bot server that sends in our place, where there is one."""
    base = hub.settings.meta_bot_base_url
    return MetaBot(base, platform) if base and platform in PATHS else None


async def _quoted(hub: Hub, turn: Turn, message: Message) -> str | None:
    if message.reply_to is None:
        return None
    quoted = await hub.store.messages.get(turn.company_id, message.reply_to)
    return quoted.parts[0].external_id if quoted and quoted.parts else None


async def _window_of(hub: Hub, turn: Turn, message: Message, channel: Channel) -> Window:
    """Return how the window stands; what we remember may be old, so a closed one is looked at again."""
    by_person = message.author.kind == "user"
    contact = await recalled(hub, turn.company_id, Contact.ref(message.contact_id))
    window = _window(contact, channel, turn.at, by_person=by_person)
    if window is not Window.OPEN:
        contact = await hub.store.contacts.get(turn.company_id, message.contact_id)
        window = _window(contact, channel, turn.at, by_person=by_person)
    return window


def _window(contact: Contact | None, channel: Channel, now: datetime, *, by_person: bool) -> Window:
    identity = contact.identity_on(channel.id) if contact else None
    heard_at = identity.heard_at if identity else None
    return window_for(channel.platform, heard_at, now, by_person=by_person)
