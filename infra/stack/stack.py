"""The processes of a stack, and the order in which they start.

    clickhouse, signer, witness, kafka → topics, tables → worker…, sink, ledger, web → replay

An address given for Kafka or ClickHouse takes the place of the embedded one. Each process is
`python -m infra.processes ROLE`; `CITY_COMMAND_<ROLE>` puts another command in its place.
"""

from __future__ import annotations

import shlex
import sys
import time
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException

from infra.admin.erasures import reapply_erasures
from infra.errors import StackError
from infra.kafka.admin import is_transport_failure
from infra.kafka.embedded import EmbeddedKafka, KafkaPorts
from infra.kafka.errors import DiskFullError, KafkaSetupError
from infra.kafka.topics import to_stderr
from infra.ports import free_port
from infra.process.child import spawn
from infra.process.disk_space import almost_full
from infra.recovery import start_check
from infra.recovery.ledger_check import require_newest_ledger
from infra.recovery.store_facts import parts_set_aside, refill
from infra.settings import Switch, command_for, java_home
from infra.stack.stores import answers, prepare_stores

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence

    from infra.kafka.progress import DownloadProgress
    from infra.process.supervisor import Child, Supervisor
    from infra.settings import Settings
    from schemas.catalog import Catalog
    from streams.privacy.reapply import Reapplied

FULL_BYTES = 16 << 20
"""Bytes free below which a disk is taken for the reason of a process's end."""
TRANSPORT_S = 20.0
"""Seconds in which a broker that has just answered may still break off connections."""
START_S = 60.0
"""Seconds after which a part that does not answer has failed to start."""


class Stack:
    """Starts the processes of one stack.

    Args:
        settings: The stack.
        catalog: Its catalogue.
        supervisor: Owns the processes.
        check: Raises if a process ended that should run, or the operator interrupts.
        download: Shows the download of Kafka's jars, if there is one.
        say: Receives each step of the start, as it begins, and what the operator must know.

    Attributes:
        broker_lacks_cache: Whether the broker starts without its ahead-of-time cache.
        erasures: The erasures that the start applied again; None before.
    """

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        supervisor: Supervisor,
        check: Callable[[], None],
        download: DownloadProgress | None = None,
        say: Callable[[str], None] = to_stderr,
    ) -> None:
        self.settings = settings
        self._catalog = catalog
        self._supervisor = supervisor
        self._check = check
        self._download = download
        self._say = say
        self._broker: Child | None = None
        self._kafka: EmbeddedKafka | None = None
        self.broker_lacks_cache = False
        self.erasures: Reapplied | None = None

    def start(self) -> None:
        """Start everything but the replay, and return when every part answers.

        Raises:
            StackError: A process ended, or did not answer in time.
            CityError: Something that the operator can correct.
        """
        require_newest_ledger(self.settings)
        # They need no Kafka, and load their libraries while its storage is formatted.
        own = [name for name in ("clickhouse", "kafka") if not getattr(self.settings, name)]
        self._say(f"starting {', '.join(['signer', 'witness', *own])}")
        if not self.settings.clickhouse:
            self._start("clickhouse")
        for role in ("signer", "witness"):
            self._start(role)
        kafka = self._start_kafka()
        if kafka:
            self._say("waiting for Kafka (some 5 to 15 s)")
            kafka.wait_ready(START_S, alive=self._broker_lives)
        if not self.settings.clickhouse:
            self._say("waiting for ClickHouse")
            self._await_http("clickhouse", f"{self.settings.clickhouse_url}/ping")
        self._say("making topics and tables where they are missing")
        self._prepare_stores()
        for line in (
            *parts_set_aside(self.settings),
            *start_check.lines(refill(self.settings, self._catalog)),
        ):
            self._say(line)
        self.erasures = reapply_erasures(self.settings, self._catalog)  # before anything that decrypts
        for role in ("signer", "witness"):
            url = self.settings.signer_url if role == "signer" else self.settings.witness_url
            self._await_http(role, f"{url}/")
        self._say(f"starting {self.settings.workers} worker(s), sink, ledger, web")
        for number in range(self.settings.workers):
            self._start("worker", name=f"worker-{number}")
        for role in ("sink", "ledger", "web"):
            self._start(role)
        self._await_http("web", f"{self.settings.web_url}/ping")

    def _prepare_stores(self) -> None:
        """Prepare the stores; try again for a while if the broker breaks a connection, as it may while it starts."""
        deadline = time.monotonic() + TRANSPORT_S
        while True:
            try:
                prepare_stores(self.settings, self._catalog)
            except (KafkaException, KafkaSetupError) as error:
                if not is_transport_failure(error):
                    raise
                if time.monotonic() > deadline:
                    raise StackError(
                        f"Kafka at {self.settings.kafka_address} breaks off its connections ({error}); "
                        f"nothing is lost, start again (log: {self.settings.data / 'logs' / 'kafka.log'})"
                    ) from error
                self._check()
                time.sleep(0.5)
            else:
                return

    def exit_message(self, child: Child) -> str:
        """Return one line: how a child ended, and whether the disk is the reason."""
        message = child.exit_message()
        if child is self._broker and self._kafka is not None:
            reason = self._kafka.why_stopped()
            if isinstance(reason, DiskFullError):
                return f"{message}; {reason}"
        full = almost_full(self.settings.data, FULL_BYTES)
        return f"{message}; {full}" if full else message

    def start_replay(self, arguments: Sequence[str]) -> Child:
        """Start the replay process; `infra.stack.roles.run_replay` takes the arguments."""
        return self._start("replay", arguments)

    def start_grafana(self) -> str:
        """Start a Grafana that is installed on the machine; return a line with its address, or how to get one."""
        from infra.grafana.server import HOW_TO_GET, prepare  # noqa: PLC0415 - the boards take a second to build

        grafana = prepare(self.settings, self._catalog, free_port())
        if grafana is None:
            return HOW_TO_GET
        try:
            self._supervisor.start("grafana", grafana.command, grafana.environment, needed=False)
        except OSError as error:
            return f"boards      {grafana.command[0]} cannot be started: {error.strerror}; the city goes on without it"
        secret = self.settings.data / "keys" / "grafana-admin-password"
        return f"boards      {grafana.url} (user admin, password in {secret})"

    def start_cache_maker(self) -> subprocess.Popen[bytes]:
        """Start the process that makes the broker's ahead-of-time cache for the next start, in idle processor time.

        The process is not part of the stack: it may end, fail or be ended at any time.
        """
        command = [sys.executable, "-m", "infra.kafka.aot_training", "--idle", "--java", self.settings.java]
        home = java_home()
        command += ["--java-home", str(home)] if home else []
        return spawn(command, {}, self.settings.data / "logs" / "aot-cache.log")

    def _start_kafka(self) -> EmbeddedKafka | None:
        if self.settings.kafka:
            return None
        ports = self.settings.ports
        kafka = EmbeddedKafka(
            self.settings.data,
            KafkaPorts(kafka=ports.kafka, sasl=ports.sasl, controller=ports.controller),
            java=self.settings.java,
            progress=self._download,
            java_home=java_home(),
            aot=self.settings.aot_cache is Switch.ON,
        )
        kafka.prepare()
        self._kafka = kafka
        self.broker_lacks_cache = kafka.lacks_cache
        override = command_for("kafka")
        command = shlex.split(override) if override else kafka.command()
        self._broker = self._supervisor.start("kafka", command, kafka.environment())
        return kafka

    def _start(self, role: str, arguments: Sequence[str] = (), name: str | None = None) -> Child:
        override = command_for(role)
        command = shlex.split(override) if override else [sys.executable, "-m", "infra.processes", role]
        environment: Mapping[str, str] = {**self.settings.environment(), "CITY_PROCESS": name or role}
        return self._supervisor.start(name or role, [*command, *arguments], environment)

    def _broker_lives(self) -> bool:
        if self._broker is None or not self._broker.alive:
            if self._broker is not None and command_for("kafka"):
                raise StackError(
                    self._broker.exit_message()
                )  # another program has no log of the broker's kind
            return False  # the broker's own log holds the reason
        self._check()
        return True

    def _await_http(self, what: str, url: str) -> None:
        self._supervisor.wait_until(what, lambda: answers(url, timeout_s=2), START_S, self._check)
