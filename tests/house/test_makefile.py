"""`make` alone tells what there is."""

import re
import subprocess

from tests.house.source import ROOT


def test_make_alone_lists_every_target_with_a_line() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    declared = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert declared
    assert sorted(re.findall(r"^  make ([a-z-]+) +\S.*$", listed, re.MULTILINE)) == sorted(declared[1].split())
