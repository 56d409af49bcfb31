"""The import rules of setup.cfg hold for every part of the house, the ones that were added later too."""

from tests.house.source import ROOT, setup_cfg

# Parts that no rule needs to name: the package itself.
UNNAMED = {"__init__"}


def parts() -> set[str]:
    """The modules and packages right below app, where something is in them."""
    found = {path.stem for path in (ROOT / "app").glob("*.py")}
    return (found | {path.parent.name for path in (ROOT / "app").glob("*/*.py")}) - UNNAMED


def test_every_part_of_the_house_has_its_layer() -> None:
    layers = setup_cfg()["importlinter:contract:layers"]["layers"]
    named = {word.strip("()").removeprefix("app.") for word in layers.replace("|", " ").split()}
    assert parts() <= named


def test_what_happens_and_what_is_true_stay_free_of_wire_and_database() -> None:
    contract = setup_cfg()["importlinter:contract:pure"]
    assert {"aiohttp", "socketio", "pymongo", "bson", "redis"} <= set(contract["forbidden_modules"].split())
    sources = {module.removesuffix(".**") for module in contract["source_modules"].split()}
    assert {"app.actions", "app.models", "app.events", "app.platforms"} <= sources
