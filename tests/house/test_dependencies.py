"""Each library has its reason, its pin and its hashes, and none is below what is known to be safe."""

import re
from collections import defaultdict
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.house.source import ROOT, imported, modules, setup_cfg

LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt", "requirements-mutants.txt")
PINNED = (*LOCKS, "requirements-embedded.txt")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)")
# Needed by another library, and named for its version alone: docs/dependencies.md.
FOR_ANOTHER = {"async-timeout": "redis", "python-engineio": "python-socketio"}
FLOORS = {"aiohttp": "3.14.3", "python-socketio": "5.16.3", "python-engineio": "4.13.3"}


def wanted(text: str) -> dict[str, Requirement]:
    """The requirements in an option of setup.cfg, by their canonical names."""
    found = [Requirement(line) for line in text.splitlines() if line and not line.startswith("#")]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def extras() -> dict[str, dict[str, Requirement]]:
    return {name: wanted(text) for name, text in setup_cfg()["options.extras_require"].items()}


def pins(name: str) -> dict[str, Version]:
    found = (PIN.match(line) for line in (ROOT / name).read_text("utf-8").splitlines())
    return {canonicalize_name(match[1]): Version(match[2]) for match in found if match}


def documented() -> dict[str, str]:
    """The names in docs/dependencies.md, section by section."""
    sections = (ROOT / "docs" / "dependencies.md").read_text("utf-8").split("\n## ")[1:]
    rows = re.compile(r"^\| ([A-Za-z0-9-]+) \|", re.MULTILINE)
    return {
        canonicalize_name(name): section.splitlines()[0]
        for section in sections
        for name in rows.findall(section)
        if name != "library"
    }


def test_each_library_is_documented_and_nothing_else_is() -> None:
    server = wanted(setup_cfg()["options"]["install_requires"])
    assert set(documented()) == set(server).union(*extras().values())


@pytest.mark.parametrize("extra", list(extras()))
def test_each_library_is_documented_where_it_belongs(extra: str) -> None:
    for name in extras()[extra]:
        assert f"(`{extra}`)" in documented()[name]


def test_each_library_of_the_server_is_imported_by_it() -> None:
    """One that is not can be removed, with the place it takes and the holes that it may have."""
    modules_of = defaultdict[str, set[str]](set)
    for module, names in packages_distributions().items():
        for name in names:
            modules_of[canonicalize_name(name)].add(module)
    used = {name.partition(".")[0] for module in modules().values() for _, name in imported(module)}
    server = set(wanted(setup_cfg()["options"]["install_requires"]))
    assert {name for name in server if not modules_of[name] & used} == set(FOR_ANOTHER)
    for name, user in FOR_ANOTHER.items():
        assert name in {canonicalize_name(Requirement(line).name) for line in requires(user) or ()}


@pytest.mark.parametrize("name", FLOORS)
@pytest.mark.parametrize("lock", LOCKS)
def test_no_library_is_below_what_is_known_to_be_safe(lock: str, name: str) -> None:
    assert pins(lock)[name] >= Version(FLOORS[name])


def test_the_pins_are_within_the_ranges() -> None:
    ranges = wanted(setup_cfg()["options"]["install_requires"])
    assert set(ranges) <= set(pins("requirements.txt"))
    for name, requirement in (ranges | extras()["dev"]).items():
        assert pins("requirements-dev.txt")[name] in requirement.specifier, name


def test_what_is_tested_is_what_is_served() -> None:
    served = pins("requirements.txt")
    for lock in LOCKS[1:]:
        assert {name: version for name, version in pins(lock).items() if name in served} == served


@pytest.mark.parametrize("lock", PINNED)
def test_each_pin_has_its_hashes(lock: str) -> None:
    entries = (ROOT / lock).read_text("utf-8").replace("\\\n", " ").splitlines()
    pinned = [entry for entry in entries if PIN.match(entry)]
    assert pinned
    assert all("--hash=sha256:" in entry for entry in pinned)


@pytest.mark.parametrize("lock", PINNED)
def test_a_lock_names_no_index(lock: str) -> None:
    options = [line for line in Path(ROOT / lock).read_text("utf-8").splitlines() if line.startswith("-")]
    assert not [option for option in options if not option.startswith("--only-binary ")]


def test_the_embedded_mongodb_stays_out_of_production() -> None:
    assert not [name for name in pins("requirements.txt") if name.startswith("fiftyone")]
