"""The inserts that run beside the sink's main thread, each a task of another partition."""

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from streams.clickhouse_sink.batch_writer import BatchWriter, InsertTask


class Inserts:
    """A pool of threads that write tasks; the main thread owns it.

    Args:
        writer: Writes a task.
        threads: How many tasks are written at a time; further ones wait for a thread.
    """

    def __init__(self, writer: BatchWriter, threads: int) -> None:
        self._writer = writer
        self._most = 2 * threads
        self._threads = ThreadPoolExecutor(threads, "sink-insert")
        self._running: set[Future[None]] = set()

    @property
    def room(self) -> int:
        """How many tasks may still be submitted: twice as many as there are threads keep all of them busy."""
        return max(self._most - len(self._running), 0)

    def submit(self, task: InsertTask) -> Future[None]:
        """Have a task written."""
        future = self._threads.submit(self._writer.write, task)
        self._running.add(future)
        return future

    def forget_done(self) -> None:
        """Make room for as many tasks as have ended."""
        self._running = {future for future in self._running if not future.done()}

    def await_one(self, timeout_s: float) -> bool:
        """Wait until a task ends, at most `timeout_s` seconds; False at once if none runs."""
        if not self._running:
            return False
        wait(self._running, timeout_s, FIRST_COMPLETED)
        return True

    def close(self) -> None:
        """Begin no further task; those that run are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
