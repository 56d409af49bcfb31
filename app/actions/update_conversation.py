"""Close, reopen or assign a conversation."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.access import access_conversation, company_of
from app.actions.keys import Done, change_key, digest_of
from app.errors import Duplicate, Invalid, NotFound
from app.events import ConversationUpdated
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.caller import Caller
from app.models.conversation import Conversation, Status
from app.models.entity import ConversationId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationEdit:
    """What shall change: the status, and who looks after it (`assign` tells None from "leave it")."""

    status: Status | None = None
    assign: bool = False
    assignee_id: UserId | None = None


async def update_conversation(
    hub: Hub, caller: Caller, id: ConversationId, edit: ConversationEdit, client_key: str | None = None
) -> Done:
    """Return the conversation as it is now. Raises NotFound, Invalid, Duplicate (another one is open by now)."""
    await access_conversation(hub, caller, id)
    if edit.assignee_id and await hub.store.users.get(company_of(caller), edit.assignee_id) is None:
        raise Invalid.of("assignee_id", "Nobody of your staff has this id.")
    key, claimed = change_key(hub, caller, "update_conversation", client_key)

    def decide(seen: Seen, now: datetime) -> Decision:
        before = seen.get(Conversation.ref(id))
        if before is None:
            raise NotFound
        after = _updated(before, edit)
        if after.is_open and not before.is_open and any(seen.get(name) is not None for name in after.names()):
            raise Duplicate("There is an open conversation with this customer already.")
        if after == before:
            return Decision(answer=before.view())
        return Decision(puts=(after,), events=(ConversationUpdated(conversation=after),))

    done = await hub.journal.commit(
        Change(
            company_id=company_of(caller),
            key=key,
            claimed=claimed,
            digest=digest_of(id, edit),
            needs=(Conversation.ref(id),),
            decide=decide,
        )
    )
    return Done.of(done, "conversation")


def _updated(conversation: Conversation, edit: ConversationEdit) -> Conversation:
    after = replace(conversation, status=edit.status or conversation.status)
    return replace(after, assignee_id=edit.assignee_id) if edit.assign else after
