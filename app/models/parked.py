"""What a platform told of a message before we knew that message by its id: kept until the id is recorded."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from app.models.delivery import RANK, DeliveryState
from app.models.entity import ChannelId, Entity, Ref, evolve
from app.models.failure import Failure
from app.models.message import Attachment


@dataclass(frozen=True, kw_only=True)
class EarlyEcho:
    """A message that went out from our account while one of ours was on its way: it may be that one."""

    peer: str
    app_id: str
    text: str
    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, kw_only=True)
class Parked(Entity):
    """All that is known of one id; its own id is `{channel}:{external id}`. It is forgotten an hour after `at`."""

    kind: ClassVar[str] = "parked"
    remembered: ClassVar[bool] = False
    channel_id: ChannelId
    external_id: str
    state: DeliveryState | None = None
    failure: Failure | None = None
    withdrawn: bool = False
    text: str | None = None
    text_at: datetime | None = None
    emoji: str | None = None
    echo: EarlyEcho | None = None
    at: datetime

    @staticmethod
    def ref_of(channel_id: str, external_id: str) -> Ref["Parked"]:
        """Ask for what was said of this id."""
        return Parked.ref(f"{channel_id}:{external_id}")

    def with_state(self, state: DeliveryState) -> "Parked":
        """Return it after a receipt; what came later in time may be told earlier."""
        before = RANK.get(self.state, 0) if self.state else 0
        return evolve(self, state=state) if RANK.get(state, 0) > before else self
