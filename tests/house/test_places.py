"""Nothing that we keep names the machine it was written on, or where packages are fetched from."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.source import ROOT, kept_files

# In pieces, or this file would be its own first finding.
HOSTS = ("pypi" + r"\.org", "pythonhosted" + r"\.org", "registry" + r"\.npmjs", "registry" + r"\.yarnpkg")
FOLDERS = ("home", "root", "Users", "work", "opt")
PLACE = re.compile(
    "|".join(HOSTS)
    + "|"
    + r"(?<![\w.}$-])/(?:"
    + "|".join(FOLDERS)
    + r")/[\w.]"
    + "|"
    + r"(?<![\w.}$-])/tmp"
    + r"/[\w.]"
)


def test_no_kept_file_names_a_place_of_this_machine_or_a_registry() -> None:
    assert not [finding for path in kept_files() for finding in findings(path)], (
        "a package-lock.json keeps no host with `omit-lockfile-registry-resolved=true` in the .npmrc beside it"
    )


@pytest.mark.parametrize(
    "place", ["see /ho" + "me/me/x", '"/wo' + 'rk/main"', "https://py" + "pi.org/simple", "/tm" + "p/x"]
)
def test_a_place_is_recognised(place: str) -> None:
    assert PLACE.search(place)


@pytest.mark.parametrize("text", ["app/work/x", "$HOME/x", "GET /api/home/x", "docs/opt/x", "/usr/bin/env"])
def test_what_only_looks_like_one_is_not(text: str) -> None:
    assert not PLACE.search(text)


def findings(path: Path) -> Iterator[str]:
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        return
    for number, line in enumerate(text.splitlines(), 1):
        if found := PLACE.search(line):
            yield f"{path.relative_to(ROOT)}:{number} {found[0]}"
