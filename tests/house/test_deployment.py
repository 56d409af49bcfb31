"""What production is run by agrees with the server and with itself.

None of this starts a container: it compares what the files say. nginx and systemd check their own files where they are
installed.
"""

import ipaddress
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app import __version__
from app.actions.check_health import PATIENCE
from app.cli import COMMANDS
from app.commands.check_mongodb import LONGEST_TRANSACTION
from app.commands.stopping import stop_within
from app.commands.supervising import supervisor_stops_within
from app.handlers.protocol import Deadlines
from app.handlers.reading import MOST_BODY
from app.handlers.runner import KEEPALIVE
from app.handlers.webhooks import MOST_BYTES
from app.settings import GENERATED, VARIABLES, Settings
from app.settings_reading import read_settings
from tests.cluster.nginx import adapted
from tests.cluster.nginx import program as nginx
from tests.house import deployment as d

# What compose.yaml, Python and the shell read; everything else must be ours.
NOT_OURS = {"REDIS_PASSWORD", "PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
SECRETS = {name.upper(): f"{name} of 32 characters or more" for name in GENERATED} | {
    "ENCRYPTION_KEYS": "MDEy" * 10 + "MDE="
}
NO_VERSION = re.compile(r":(?!\d+\.\d+\.\d+(-[a-z]+)*$)|^[^:]+$")
QUIET = (Settings().ping_interval + Settings().ping_timeout).total_seconds()


def test_every_variable_is_one_that_the_server_reads() -> None:
    known = {*VARIABLES, *NOT_OURS}
    assert not [f"{path}: {name}" for path, name in d.variables() if name not in known]


@pytest.mark.parametrize("secret", SECRETS)
def test_what_production_demands_is_asked_for_and_never_given(secret: str) -> None:
    assert d.example()[secret] == ""
    assert secret not in d.text("compose.yaml")


def test_the_pod_is_given_the_whole_secret_and_overrules_only_what_its_file_decides() -> None:
    assert d.container()["envFrom"] == [{"secretRef": {"name": "parley"}}]
    assert set(d.pod_variables()) == {"ENVIRONMENT", "PORT", "TRUSTED_PROXIES"}


def test_an_address_that_must_be_filled_in_is_empty() -> None:
    assert d.example()["PUBLIC_URL"] == d.example()["CORS_ORIGINS"] == ""
    assert "PUBLIC_URL" not in d.text("deploy/kubernetes.yaml").partition("env:\n")[2]


def test_the_settings_of_each_way_are_fit_for_production() -> None:
    given = {name: value for name, value in d.example().items() if value} | SECRETS
    for server in d.services("parley").values():
        assert read_settings(d.image_variables() | given | server["environment"]).is_production
    assert read_settings(d.image_variables() | given | d.pod_variables()).is_production
    assert read_settings(d.unit_variables() | given).is_production


def test_the_ports_agree() -> None:
    port = Settings().port
    (listening,) = d.container()["ports"]
    assert d.image_variables()["PORT"] == d.pod_variables()["PORT"] == d.instructions("EXPOSE")[0] == str(port)
    assert (listening["containerPort"], listening["name"]) == (port, "http")
    assert {server.split()[0] for server in d.nginx("server")} == {f"{name}:{port}" for name in d.services("parley")}
    assert [published.partition(":")[2] for published in d.services("nginx")["nginx"]["ports"]] == d.nginx("listen")


def test_only_nginx_is_reached_from_outside() -> None:
    assert [name for name, service in d.compose()["services"].items() if "ports" in service] == ["nginx"]
    assert d.compose()["networks"]["data"]["internal"]
    for name, service in (d.services("mongo") | d.services("redis")).items():
        assert service["networks"] == ["data"], name


def test_the_servers_believe_the_network_of_nginx() -> None:
    (where,) = d.compose()["networks"]["edge"]["ipam"]["config"]
    for server in d.services("parley").values():
        assert server["environment"]["TRUSTED_PROXIES"] == where["subnet"]
        address = ipaddress.ip_address(server["networks"]["edge"]["ipv4_address"])
        assert address in ipaddress.ip_network(where["subnet"])


def test_who_stops_a_server_waits_longer_than_it_takes() -> None:
    *_, pause = d.container()["lifecycle"]["preStop"]["exec"]["command"]
    at_most = stop_within(Settings())
    assert d.pod()["terminationGracePeriodSeconds"] > at_most + int(pause)
    assert d.seconds(d.unit("TimeoutStopSec")[0]) > supervisor_stops_within(Settings())
    for server in d.services("parley").values():
        assert d.seconds(server["stop_grace_period"]) > at_most


def test_servers_are_told_to_stop_and_to_reload_by_the_signals_they_know() -> None:
    assert d.instructions("STOPSIGNAL") == d.unit("KillSignal") == ["SIGTERM"]
    assert d.unit("ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert d.unit("KillMode") == ["mixed"]  # the supervisor alone is told


def test_nobody_is_root() -> None:
    (user,) = d.instructions("USER")
    context = d.pod()["securityContext"]
    assert user == f"{context['runAsUser']}:{context['runAsGroup']}" != "0:0"
    assert context["runAsNonRoot"]
    assert d.container()["securityContext"]["readOnlyRootFilesystem"]
    assert not d.container()["securityContext"]["allowPrivilegeEscalation"]
    assert d.unit("User") not in ([], ["root"])


def test_images_are_of_a_version() -> None:
    assert not [image for image in d.images() if NO_VERSION.search(image)]
    ours = {image.partition(":")[2] for image in d.images() if "parley" in image}
    assert ours == {__version__}


def test_each_probe_asks_what_it_should() -> None:
    probes = {name: d.container()[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
    asked = {name: probe["httpGet"]["path"] for name, probe in probes.items()}
    assert set(asked.values()) <= d.probed()
    assert asked == {"startup": "/health/live", "liveness": "/health/live", "readiness": "/health/ready"}
    assert "'/health/live'" in d.instructions("HEALTHCHECK")[0]
    assert probes["readiness"]["timeoutSeconds"] > PATIENCE


def test_a_quiet_socket_is_left_alone() -> None:
    annotations = d.kubernetes("Ingress")["metadata"]["annotations"]
    for name in ("read", "send"):
        assert d.seconds(*d.nginx(f"proxy_{name}_timeout", within="/socket.io/")) > QUIET
        assert d.seconds(annotations[f"nginx.ingress.kubernetes.io/proxy-{name}-timeout"]) > QUIET
        assert d.seconds(annotations[f"nginx.org/proxy-{name}-timeout"]) > QUIET


def test_nginx_closes_idle_connections_before_the_server_does() -> None:
    assert d.seconds(*d.nginx("keepalive_timeout")) < KEEPALIVE


def test_nginx_bounds_strangers_as_the_server_would() -> None:
    (limit,) = d.nginx("limit_conn")
    assert int(limit.split()[1]) == 2 * Settings().sockets_per_address
    annotations = d.kubernetes("Ingress")["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/limit-connections"] == limit.split()[1]
    assert d.seconds(*d.nginx("client_header_timeout")) == Deadlines().header
    assert d.seconds(*d.nginx("send_timeout")) == Deadlines().answer


def test_nginx_takes_what_the_server_takes() -> None:
    assert d.size(d.nginx("client_max_body_size")[0]) == MOST_BODY
    assert d.size(*d.nginx("client_max_body_size", within="/api/v1/webhooks/")) == MOST_BYTES
    annotations = d.kubernetes("Ingress")["metadata"]["annotations"]
    assert d.size(annotations["nginx.ingress.kubernetes.io/proxy-body-size"]) == MOST_BYTES
    assert d.size(annotations["nginx.org/client-max-body-size"]) == MOST_BYTES


def test_only_what_may_be_said_twice_is_said_twice() -> None:
    twice = {name for name in d.locations() if "non_idempotent" in d.location(name)}
    assert twice == {"@keyed", "/api/v1/webhooks/"}
    assert len([said for said in d.nginx("proxy_next_upstream") if "non_idempotent" in said]) == len(twice)
    assert "if ($http_idempotency_key)" in d.location("/api/")
    assert d.nginx("proxy_set_header Host") == ["$http_host"]


def test_a_rollout_takes_no_pod_away_before_another_is_ready() -> None:
    deployment = d.kubernetes("Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert deployment["replicas"] > d.kubernetes("PodDisruptionBudget")["spec"]["maxUnavailable"]
    assert deployment["selector"]["matchLabels"] == d.kubernetes("Service")["spec"]["selector"] == labels
    assert d.kubernetes("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels


def test_the_ingress_leads_to_the_service_and_that_to_the_server() -> None:
    (rule,) = d.kubernetes("Ingress")["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    service = d.kubernetes("Service")
    (port,) = service["spec"]["ports"]
    assert path["backend"]["service"] == {"name": service["metadata"]["name"], "port": {"name": port["name"]}}
    assert port["targetPort"] == d.container()["ports"][0]["name"]


def test_the_databases_are_one_replica_set() -> None:
    members = re.findall(r'"(mongo\d):27017"', d.text("deploy/replica-set.js"))
    databases = {name: each for name, each in d.services("mongo").items() if name != "replica-set"}
    assert members == list(databases) == list(d.compose()["services"]["replica-set"]["depends_on"])
    assert len(members) == 3
    for database in databases.values():
        (limit,) = re.findall(r"transactionLifetimeLimitSeconds=(\d+)", " ".join(database["command"]))
        assert int(limit) <= LONGEST_TRANSACTION
        assert database["command"][:3] == ["mongod", "--replSet", "rs0"]


def test_redis_keeps_nothing_and_is_bounded() -> None:
    (redis,) = d.services("redis").values()
    assert "volumes" not in redis
    program, *options = redis["command"]
    told = dict(zip(options[::2], options[1::2], strict=True))
    assert (program, told["--save"], told["--appendonly"]) == ("redis-server", "", "no")
    assert set(told) == {"--requirepass", "--save", "--appendonly", "--maxmemory", "--maxmemory-policy"}


def test_the_servers_and_redis_share_a_password_that_must_be_filled_in() -> None:
    assert d.example()["REDIS_PASSWORD"] == ""
    (redis,) = d.services("redis").values()
    password = redis["command"][redis["command"].index("--requirepass") + 1]
    assert password.startswith("${REDIS_PASSWORD:?")
    for server in d.services("parley").values():
        assert server["environment"]["REDIS_URL"] == f"redis://:{password}@redis:6379/0"


def test_each_container_is_bounded_in_memory_and_log() -> None:
    for name, service in d.compose()["services"].items():
        assert service["mem_limit"], name
        assert service["logging"]["options"]["max-size"], name


def test_the_unit_is_reached_through_the_proxy_on_its_machine_alone() -> None:
    settings = read_settings(d.unit_variables() | SECRETS | {"MONGODB_URI": "mongodb://db"})
    assert settings.host == "127.0.0.1"
    assert [str(network) for network in settings.trusted_proxies] == ["127.0.0.1/32"]


def test_the_documented_commands_exist() -> None:
    named = re.findall(r"python -m app ([a-z][a-z-]*)", d.text("docs/deployment.md"))
    assert named
    assert set(named) <= {command.name for command in COMMANDS}


def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    if not (program := nginx()):
        pytest.skip("nginx is not installed, so nobody but the other tests looked at deploy/nginx.conf")
    adapted(tmp_path, f"unix:{tmp_path}/socket")
    command = [program, "-t", "-p", str(tmp_path), "-c", "nginx.conf", "-e", f"{tmp_path}/error.log"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr


def test_the_documented_command_makes_a_configuration_for_one_host(tmp_path: Path) -> None:
    page = d.text("docs/deployment.md").replace("\\\n", " ")
    (command,) = re.findall(r"^sed (.*) /srv/parley/deploy/nginx.conf >", page, re.MULTILINE)
    given = d.text("deploy/nginx.conf")
    sed = ["sed", *shlex.split(command)]
    made = subprocess.run(sed, input=given, capture_output=True, text=True, timeout=20, check=True).stdout
    assert re.findall(r"^ +server (.*);", made, re.MULTILINE) == ["127.0.0.1:4000"]
    assert "/dev/std" not in made
    if program := nginx():
        adapted(tmp_path, f"unix:{tmp_path}/socket", given=made.replace("/var/log/nginx", str(tmp_path)))
        check = [program, "-t", "-p", str(tmp_path), "-c", "nginx.conf", "-e", f"{tmp_path}/error.log"]
        done = subprocess.run(check, capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stderr


def test_systemd_takes_its_unit(tmp_path: Path) -> None:
    if not (program := shutil.which("systemd-analyze")):
        pytest.skip("systemd is not installed, so nobody but the other tests looked at deploy/parley.service")
    copy = tmp_path / "parley.service"
    copy.write_text(d.text("deploy/parley.service").replace("/srv/parley/.venv/bin/python", sys.executable))
    done = subprocess.run([program, "verify", "--man=no", str(copy)], capture_output=True, text=True, timeout=20)
    assert not [line for line in done.stderr.splitlines() if copy.name in line]
