"""Rewrite the marked sections of docs/benchmarks.md, and their plots, from bench/results/*.json.

    python -m bench.report

A section stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`; what is written round it by hand stays.
A new bench adds its SECTION to SECTIONS; where the page has no marks for it, they are added at the end.
"""

import argparse
import re
from pathlib import Path

from bench.cluster.section import SECTION as CLUSTER
from bench.delivery.section import SECTION as DELIVERY
from bench.end_to_end.section import SECTION as END_TO_END
from bench.engine.section import SECTION as ENGINE
from bench.figures import RESULTS, saved
from bench.journal.section import SECTION as JOURNAL
from bench.resume.section import SECTION as RESUME
from bench.section import Section
from bench.strangers.section import SECTION as STRANGERS
from bench.webhooks.section import SECTION as WEBHOOKS

SECTIONS: tuple[Section, ...] = (END_TO_END, ENGINE, JOURNAL, RESUME, DELIVERY, WEBHOOKS, CLUSTER, STRANGERS)
DOCS = Path(__file__).parent.parent / "docs"
HEAD = "# Benchmarks\n\nEach figure stands beside a peer's from the same run: [how](../bench/README.md).\n"


def main() -> None:
    """Write every section that has results."""
    parser = argparse.ArgumentParser(prog="python -m bench.report", description=__doc__)
    parser.add_argument("--docs", type=Path, default=DOCS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    written = report(options.docs, options.results)
    print("written:", ", ".join(written) or "nothing; run a bench first")


def report(docs: Path, results: Path) -> list[str]:
    """Rewrite the sections whose benches have run; gives their names."""
    page, images = docs / "benchmarks.md", docs / "images"
    images.mkdir(parents=True, exist_ok=True)
    content = page.read_text() if page.exists() else HEAD
    written = []
    for section in SECTIONS:
        if found := saved(section.name, results):
            section.draw(found, images)
            content = replaced(content, section.name, section.text(found))
            written.append(section.name)
    page.write_text(content)
    return written


def replaced(content: str, name: str, text: str) -> str:
    """The page with `text` between the marks of `name`."""
    first, last = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    block = f"{first}\n\n{text}\n\n{last}"
    if first not in content:
        title = name.replace("_", " ").capitalize()
        return f"{content.rstrip()}\n\n## {title}\n\n{block}\n"
    return re.sub(f"{re.escape(first)}.*?{re.escape(last)}", lambda _: block, content, flags=re.DOTALL)


if __name__ == "__main__":
    main()
