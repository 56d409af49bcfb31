"""The files by which Parley is run in production, as the house rules look at them."""

import re
import shlex
from collections.abc import Iterator
from typing import Any, cast

import yaml

from app.handlers.health import health_routes
from app.hub import Hub
from app.settings_values import duration
from tests.house.source import ROOT, lines

Document = dict[str, Any]


def text(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def compose() -> Document:
    parsed: Document = yaml.safe_load(text("compose.yaml"))
    return parsed


def services(of: str) -> dict[str, Document]:
    """The services of compose.yaml whose image is of this name."""
    return {name: each for name, each in compose()["services"].items() if each["image"].partition(":")[0] == of}


def kubernetes(kind: str) -> Document:
    (found,) = (each for each in yaml.safe_load_all(text("deploy/kubernetes.yaml")) if each["kind"] == kind)
    parsed: Document = found
    return parsed


def pod() -> Document:
    spec: Document = kubernetes("Deployment")["spec"]["template"]["spec"]
    return spec


def container() -> Document:
    (only,) = pod()["containers"]
    spec: Document = only
    return spec


def dockerfile() -> list[tuple[str, str]]:
    """Each instruction and what follows it, in one line."""
    kept = "\n".join(line for line in lines("Dockerfile") if not line.startswith("#")).replace("\\\n", " ")
    split = (line.partition(" ") for line in kept.splitlines() if line)
    return [(name, " ".join(rest.split())) for name, _, rest in split]


def last_stage() -> list[tuple[str, str]]:
    """The instructions that make the image, without those of earlier stages."""
    whole = dockerfile()
    return whole[max(index for index, (name, _) in enumerate(whole) if name == "FROM") :]


def instructions(name: str) -> list[str]:
    """What the image's own instructions of this name say."""
    return [rest for each, rest in last_stage() if each == name]


def image_variables() -> dict[str, str]:
    """The variables that the image sets."""
    words = [word for rest in instructions("ENV") for word in shlex.split(rest)]
    return dict(word.split("=", 1) for word in words)


def unit(key: str) -> list[str]:
    """What the systemd unit says under a key, each time that it does."""
    found = (line.partition("=") for line in lines("deploy/parley.service"))
    return [value for name, _, value in found if name == key]


def nginx(directive: str, within: str | None = None) -> list[str]:
    """What nginx.conf says of a directive, anywhere or in the location with this name."""
    said = re.sub(r"#.*", "", text("deploy/nginx.conf") if within is None else location(within))
    return re.findall(rf"^\s*{directive}\s+(.*);", said, re.MULTILINE)


def location(name: str) -> str:
    found = re.search(rf"^( +)location {re.escape(name)} {{(.*?)^\1}}", text("deploy/nginx.conf"), re.DOTALL | re.M)
    assert found, name
    return found[2]


def locations() -> list[str]:
    return re.findall(r"^ +location (.*) {$", text("deploy/nginx.conf"), re.MULTILINE)


def example() -> dict[str, str]:
    """The variables of .env.production.example, those behind '#' too."""
    return dict(re.findall(r"^#?([A-Z_]+)=(.*)$", text(".env.production.example"), re.MULTILINE))


def pod_variables() -> dict[str, str]:
    """The variables of the pod whose values stand there; all others come from the Secret."""
    return {each["name"]: each["value"] for each in container()["env"]}


def unit_variables() -> dict[str, str]:
    return dict(each.split("=", 1) for each in unit("Environment"))


def variables() -> Iterator[tuple[str, str]]:
    """Every variable of the server that any of the files names, with the file."""
    of_compose = [name for each in services("parley").values() for name in each["environment"]]
    named = {
        "Dockerfile": list(image_variables()),
        "compose.yaml": of_compose,
        ".env.production.example": list(example()),
        "deploy/kubernetes.yaml": list(pod_variables()),
        "deploy/parley.service": list(unit_variables()),
    }
    for path, names in named.items():
        yield from ((path, name) for name in names)


def images() -> Iterator[str]:
    """Every image that is named anywhere."""
    yield from (rest.split()[0] for name, rest in dockerfile() if name == "FROM")
    yield from (each["image"] for each in compose()["services"].values())
    yield container()["image"]


def probed() -> set[str]:
    """The paths that probes may ask; their handlers are not called, so they need no hub."""
    return {route.path for route in health_routes(cast(Hub, None))}


def seconds(given: Any) -> float:
    """Read a time as all of these files write it."""
    length: float = duration(str(given)).total_seconds()
    return length


def size(given: str) -> int:
    """Read a size as nginx writes it."""
    return int(given[:-1]) << {"k": 10, "m": 20}[given[-1]]
