"""A peer: faust-streaming as shipped, one event at a time, with its own aiokafka consumer and producer."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import Any

import faust

from tests.bench.kafka_stage import PARTITIONS
from tests.bench.sides.told import Told


def main() -> None:
    """Be a Faust worker with one agent until everything is done."""
    told = Told.read()
    clock, step, stateful = told.clock(), told.task.step_with_state(), told.task.fold is not None
    app = faust.App(
        told.group,
        broker=f"kafka://{told.kafka}",
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=stateful,  # for the table's changelog
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        datadir=told.folder,
        stream_wait_empty=False,
    )
    plain: dict[str, Any] = {"key_type": bytes, "value_type": bytes}
    source = app.topic(told.source, **plain, value_serializer="raw", key_serializer="raw")
    output = (
        app.topic(told.task.output, **plain, value_serializer="raw", key_serializer="raw")
        if told.task.output
        else None
    )

    table = app.Table("kept", partitions=PARTITIONS, key_type=bytes) if stateful else None

    async def end() -> None:
        await app.producer.flush()
        clock.finish()
        await asyncio.sleep(0.2)  # the last event is acked when the stream asks for the next one
        await app.consumer.commit()
        os.kill(os.getpid(), signal.SIGTERM)

    async def agent(stream: Any) -> None:
        async for event in stream.events():
            clock.begin()
            if table is None:
                value = step(event.value, None)[0]
            else:
                value, table[event.key] = step(event.value, table.get(event.key))
            if output is not None:
                await output.send(key=event.key, value=value)
            if clock.count():
                app.add_future(end())

    app.agent(source, name="bench")(agent)
    worker = app.Worker(
        loop=asyncio.new_event_loop(), quiet=True, override_logging=False, redirect_stdouts=False
    )
    worker.spinner = None
    logging.getLogger().setLevel(logging.ERROR)
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
