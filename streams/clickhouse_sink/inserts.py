"""Runs the inserts beside the sink's main thread, each a task of another partition."""

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from streams.clickhouse_sink.batch_writer import BatchWriter, InsertTask


class Inserts:
    """A pool of threads that write tasks. The main thread owns it.

    Args:
        writer: Writes a task.
        threads: Number of tasks written at a time. Further ones wait for a thread.
    """

    def __init__(self, writer: BatchWriter, threads: int) -> None:
        self._writer = writer
        self._most = 2 * threads
        self._threads = ThreadPoolExecutor(threads, "sink-insert")
        self._running: set[Future[None]] = set()

    @property
    def room(self) -> int:
        """Number of tasks that may still be submitted. Twice as many as threads keep all of them busy."""
        return max(self._most - len(self._running), 0)

    def submit(self, task: InsertTask) -> Future[None]:
        """Submit a task."""
        future = self._threads.submit(self._writer.write, task)
        self._running.add(future)
        return future

    def forget_done(self) -> None:
        """Drop the tasks that have ended, which makes room for others."""
        self._running = {future for future in self._running if not future.done()}

    def await_one(self, timeout_s: float) -> bool:
        """Wait at most `timeout_s` seconds until a task ends. Return False at once if none runs."""
        if not self._running:
            return False
        wait(self._running, timeout_s, FIRST_COMPLETED)
        return True

    def close(self) -> None:
        """Begin no further task. Do not wait for running ones."""
        self._threads.shutdown(wait=False, cancel_futures=True)
