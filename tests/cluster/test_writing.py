"""Three servers write one company at once, and its listeners are cut and come back at another one."""

from tests.cluster.load import Load
from tests.desk import Desk
from tests.sockets.again import elsewhere

CUTS = 12


async def test_three_servers_with_four_writers_each_make_one_log(desk: Desk, other: Desk, load: Load) -> None:
    async with elsewhere(desk) as third:
        load.doors.append(third.base)
        for door in load.doors:
            await load.listen(door)
        load.start(12)
        await load.more(400, within=60)
        await load.stop()
        await load.prove()
        assert load.failed == []
        assert all(
            each.follower.seqs == list(range(each.since + 1, len(each.follower.seqs) + each.since + 1))
            for each in load.listeners
        )
        await load.end()


async def test_who_is_cut_at_one_server_goes_on_exactly_at_another(desk: Desk, other: Desk, load: Load) -> None:
    wanderer = await load.listen(desk.base)
    load.start(4, pause=0.002)
    for number in range(CUTS):
        await load.more(15)
        wanderer.base = load.doors[(number + 1) % 2]
        await wanderer.follower.cut()
    await load.more(15)
    await load.stop()
    await load.prove()
    assert wanderer.connects > CUTS // 2
