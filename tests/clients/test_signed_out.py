"""A dashboard whose sign-in was ended tells its user once, and keeps nothing waiting that will never be sent."""

from pathlib import Path

import pytest

from app.actions.end_sessions import end_sessions
from app.models.entity import UserId
from tests.clients.examples import Dashboard
from tests.clients.proxy import proxied
from tests.clients.stage import Stage
from tests.desk import open_desk
from tests.waiting import until


async def test_what_is_sent_after_the_sign_in_ended_is_refused(mongo_uri: str, tmp_path: Path) -> None:
    async with open_desk(mongo_uri, tmp_path, ACCESS_TOKEN_TTL="4s") as desk, proxied(0) as proxy:
        stage, dashboard = Stage(desk, proxy, tmp_path), Dashboard()
        await stage.open()
        try:
            await dashboard.open(stage)
            await until(lambda: dashboard.shows("Good day!"), within=30)
            await end_sessions(stage.serving.hub, desk.company.id, UserId(desk.user_id))

            async def asked() -> list[str]:
                return list((await dashboard.state())["asked"])

            assert await until(asked, within=30) == ["This sign-in has ended."]
            with pytest.raises(AssertionError, match="unauthenticated"):
                await dashboard.say(stage, "Nobody hears this")
            renewals = await dashboard.renewals()
            await until(dashboard.has_expired, within=30)
            assert (await asked(), await dashboard.renewals()) == (["This sign-in has ended."], renewals)
        finally:
            await dashboard.close()
            await stage.stop()
