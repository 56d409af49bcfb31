"""What each platform sends is understood as its recording says: `recorded/PLATFORM/NAME.json {payload, heard}`.

A new platform needs its file in app/platforms, its line in all.py, and recordings; no test code.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.platforms.all import networks_for
from app.platforms.heard import Heard
from app.platforms.network import Network
from app.settings_reading import read_settings

RECORDED = Path(__file__).parent / "recorded"
NETWORKS: dict[str, Network] = {
    key.value: network
    for key, network in networks_for(read_settings({})).items()
    if type(network).hear is not Network.hear
}
FILES = sorted(RECORDED.glob("*/*.json"))


def shown(heard: Heard) -> dict[str, Any]:
    """Return what was heard as a recording writes it: its kind, and what is not at its default."""
    defaults = {each.name: each.default for each in dataclasses.fields(heard)}
    values = {name: value for name, value in vars(heard).items() if value != defaults[name]}
    if values.get("failure"):
        values["failure"] = {"kind": values["failure"].kind, "code": values["failure"].code}
    if values.get("attachments"):
        values["attachments"] = [{"type": each.type, "url": each.url} for each in values["attachments"]]
    plain: dict[str, Any] = json.loads(json.dumps(values, default=lambda moment: moment.isoformat()))
    plain.pop("raw", None)  # as it came
    return {"kind_of": type(heard).__name__, **plain}


@pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}/{path.stem}" for path in FILES])
def test_a_recorded_webhook_tells_what_it_should(path: Path) -> None:
    recording = json.loads(path.read_text())
    heard = [shown(each) for each in NETWORKS[path.parent.name].hear(recording["payload"])]
    assert heard == recording["heard"]


def test_every_platform_has_recordings() -> None:
    assert {path.parent.name for path in FILES} == set(NETWORKS)


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where anything stands in a payload."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for name, each in inner for deeper in paths_in(each, (*path, name)))]


@given(st.data())
def test_a_payload_with_anything_anywhere_is_no_error(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(FILES))
    payload = json.loads(path.read_text())["payload"]
    *way, last = data.draw(st.sampled_from([each for each in paths_in(payload) if each]))
    place = payload
    for step in way:
        place = place[step]
    place[last] = data.draw(st.sampled_from([None, True, -1, 1 << 70, "", "x", [], [[]], {}, {"mid": 3}, 1.5]))
    for heard in NETWORKS[path.parent.name].hear(payload):
        assert all(isinstance(vars(heard).get(name, ""), str) for name in ("account", "peer", "id", "text"))
