"""What a dashboard keeps: a snapshot, moved on by events. Each thing is replaced iff the event is newer than it."""

from typing import Any

from tests.desk import Desk

Things = dict[str, dict[str, Any]]


class Inbox:
    """Contacts, conversations and messages of one company, by their ids."""

    def __init__(self) -> None:
        self.contacts: Things = {}
        self.conversations: Things = {}
        self.messages: Things = {}

    @classmethod
    async def loaded(cls, desk: Desk) -> "Inbox":
        """Load everything over REST."""
        inbox = cls()
        for contact in await pages(desk, "/contacts?"):
            inbox.contacts[contact["id"]] = contact
            for message in await pages(desk, f"/messages?contact_id={contact['id']}&"):
                inbox.messages[message["id"]] = message
        for conversation in await pages(desk, "/conversations?"):
            inbox.conversations[conversation["id"]] = {k: v for k, v in conversation.items() if k != "my_read_seq"}
        return inbox

    def apply(self, event: dict[str, Any]) -> None:
        """Move on by one event of the log."""
        kinds = {"contact": self.contacts, "conversation": self.conversations, "message": self.messages}
        for name, kept in kinds.items():
            if name in event and event["seq"] > kept.get(event[name]["id"], {"version": 0})["version"]:
                kept[event[name]["id"]] = event[name]

    def view(self) -> dict[str, Things]:
        """Return all of it, with what was read, here and there, worked out from the conversations, as REST does."""
        messages = {
            id: {**message, "read": message["read"] or self._is_read(message), "delivery": self._delivery(message)}
            for id, message in self.messages.items()
        }
        return {"contacts": self.contacts, "conversations": self.conversations, "messages": messages}

    def _delivery(self, message: dict[str, Any]) -> dict[str, Any] | None:
        delivery: dict[str, Any] | None = message["delivery"]
        if delivery is None or delivery["state"] not in ("sent", "delivered", "read"):
            return delivery
        conversation = self.conversations[message["conversation_id"]]
        marks = {"read": conversation["customer_read_seq"], "delivered": conversation["customer_delivered_seq"]}
        reached = next((state for state, seq in marks.items() if message["seq"] <= seq), "sent")
        return {**delivery, "state": reached}

    def _is_read(self, message: dict[str, Any]) -> bool:
        read_seq: int = self.conversations[message["conversation_id"]]["read_seq"]
        return bool(message["direction"] == "inbound" and message["seq"] <= read_seq)


async def pages(desk: Desk, path: str) -> list[dict[str, Any]]:
    """Return everything that a list holds, page by page."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        status, answer = await desk.ask("GET", f"{path}limit=7{after}")
        assert status == 200, answer
        found += answer["data"]
        if answer["page"]["next"] is None:
            return found
        after = f"&before={answer['page']['next']}"
