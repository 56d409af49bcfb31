"""Show the customer, where their platform can, that somebody types or has read; it passes, and may be lost."""

from loguru import logger

from app.access import recalled
from app.actions.open_secrets import account_of
from app.hub import Hub
from app.models.channel import Channel
from app.models.conversation import Conversation
from app.models.entity import CompanyId, ConversationId
from app.models.failure import Refused
from app.models.gate import Gate
from app.models.sign import Sign


async def show_sign(hub: Hub, company_id: CompanyId, conversation_id: ConversationId, sign: Sign) -> None:
    """Ask the platform once; a channel that cannot send, or must rest, shows nothing. Failures change nothing."""
    conversation = await recalled(hub, company_id, Conversation.ref(conversation_id))
    if conversation is None or conversation.channel_id is None or not conversation.is_open:
        return
    channel = await recalled(hub, company_id, Channel.ref(conversation.channel_id))
    network = hub.networks.get(conversation.platform)
    if channel is None or network is None or not channel.can_send or not _gate_is_open(hub, channel):
        return
    last = await hub.store.messages.last_heard(company_id, conversation_id) if network.signs_need_last else None
    try:
        await hub.talk.run(network.sign(account_of(hub, channel), conversation.peer, sign, last))
    except Refused as error:
        logger.bind(channel_id=channel.id, sign=sign, error=type(error).__name__).debug("a sign was not shown")


def _gate_is_open(hub: Hub, channel: Channel) -> bool:
    return hub.known.gates.get(channel.id, Gate()).is_open(hub.now())
