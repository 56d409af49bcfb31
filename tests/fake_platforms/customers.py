"""Customers who write by themselves, read what they are sent, and answer it."""

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass, field

from tests.fake_platforms import FakePlatforms
from tests.fake_platforms.cast import CAST, Customer
from tests.fake_platforms.state import Sent

UNANSWERED = 100  # messages, then they wait
LOOK = 0.2  # seconds between two looks at what they were sent
RECEIPTS = {"whatsapp": "wa_status", "facebook": "read"}


@dataclass
class Customers:
    """The cast at work. `channels` are the addresses of those platforms whose accounts have one each."""

    fake: FakePlatforms
    channels: dict[str, str]
    pace: float
    read: int = 0
    open: int = 0
    said: Counter[str] = field(default_factory=Counter)

    async def write_on(self) -> None:
        """Write and answer, for as long as this goes on."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write())
            group.create_task(self._answer())

    async def _write(self) -> None:
        for customer in itertools.cycle(CAST):
            if self.open < UNANSWERED:
                await self._say(customer, customer.opens)
            await asyncio.sleep(self.pace)

    async def _say(self, customer: Customer, lines: tuple[str, ...]) -> None:
        text = lines[self.said[customer.peer] % len(lines)]
        self.said[customer.peer] += 1
        self.open += 1
        await self._emit(customer, kind="message", text=text, name=customer.name)

    async def _answer(self) -> None:
        """Look at what was sent, and answer everything once."""
        while True:
            await asyncio.sleep(LOOK)
            sent = self.fake.state.sent
            for message in sent[self.read :]:
                customer = next((each for each in CAST if each.peer == message.recipient), None)
                if customer is not None and message.outcome.startswith("delivered"):
                    await self._read(customer, message)
            self.read = len(sent)

    async def _read(self, customer: Customer, message: Sent) -> None:
        self.open = 0
        if kind := RECEIPTS.get(customer.platform):
            await asyncio.sleep(self.pace / 4)
            await self._emit(customer, kind=kind, id=message.message_id, status="read")
        await asyncio.sleep(self.pace / 4)
        await self._say(customer, customer.answers)

    async def _emit(self, customer: Customer, **order: object) -> None:
        account = {"facebook": "HARBOUR_PAGE", "instagram": "HARBOUR_IG", "whatsapp": "15550100"}
        about = {"platform": customer.platform, "account": account.get(customer.platform, ""), "peer": customer.peer}
        if customer.platform == "telegram":
            target = f"{self.fake.webhooks.target}/telegram/{self.channels['telegram']}"
            about |= {"target_url": target, "secret_token": "demo-secret"}
        await self.fake.webhooks.emit({**about, **{name: value for name, value in order.items() if value is not None}})
