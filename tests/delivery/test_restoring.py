"""After a restore, the backup's outbox may hold replies that customers have had since: docs/deployment.md."""

import re
from datetime import UTC, datetime
from pathlib import Path

from app.actions.new_epoch import new_epoch
from app.models.contact import Platform
from tests.delivery.shop import open_shop
from tests.house.source import ROOT

DOCUMENTED = '{ "delivery.state": "queued" }, { $set: { "delivery.deadline": new Date() } }'


async def test_what_waited_in_a_backup_fails_instead_of_being_sent_twice(mongo_uri: str, tmp_path: Path) -> None:
    async with open_shop(mongo_uri, tmp_path, Platform.TELEGRAM) as shop:
        shop.rule({"preset": "http_500"})
        first = await shop.reply(await shop.customer(Platform.TELEGRAM), Platform.TELEGRAM, "perhaps sent since")
        queued = {"delivery.state": "queued"}
        await shop.hub.store.database.messages.update_many(queued, {"$set": {"delivery.deadline": datetime.now(UTC)}})
        await new_epoch(shop.hub, shop.desk.company.id)
        assert (await shop.outcome(first))["state"] == "failed"
        assert shop.texts() == []
        again = await shop.desk.post(f"/messages/{first['id']}/retry", {})
        assert again["data"]["delivery"]["state"] == "queued"
        assert (await shop.outcome(first))["state"] == "sent"


def test_the_documented_command_is_the_one_that_was_tried() -> None:
    assert re.search(re.escape(DOCUMENTED), (ROOT / "docs" / "deployment.md").read_text("utf-8"))
