"""A peer: Quix Streams, with the same care (idempotent producer, commit after delivery)."""
# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "quixstreams==3.28.1",
#     "cryptography==50.0.2",
#     "orjson==3.13.0",
#     "psutil==7.2.2",
# ]
# ///

from __future__ import annotations

from typing import Any

from quixstreams import Application

from tests.bench.sides.told import Told


def main() -> None:
    """Run an application until everything is done."""
    told = Told.read()
    clock, step, stateful = told.clock(), told.task.step_with_state(), told.task.fold is not None
    app = Application(
        broker_address=told.kafka,
        consumer_group=told.group,
        auto_offset_reset="earliest",
        auto_create_topics=stateful,
        use_changelog_topics=stateful,
        state_dir=told.folder,
        loglevel="ERROR",
        producer_extra_config={
            "enable.idempotence": True,
            "acks": "all",
            "compression.type": "lz4",
            "linger.ms": 5,
        },
    )

    def work(value: bytes) -> bytes | None:
        clock.begin()
        derived = step(value, None)[0]
        ended()
        return derived

    def work_with_state(value: bytes, state: Any) -> bytes | None:
        clock.begin()
        derived, after = step(value, state.get("kept"))
        state.set("kept", after)
        ended()
        return derived

    def ended() -> None:
        if clock.count():
            _finish_with_commit(app, clock)
            app.stop()

    source = app.topic(told.source, key_deserializer="bytes", value_deserializer="bytes")
    frame = app.dataframe(source)
    frame = frame.apply(work_with_state, stateful=True) if stateful else frame.apply(work)
    if told.task.output:
        frame.to_topic(app.topic(told.task.output, key_serializer="bytes", value_serializer="bytes"))
    app.run()


def _finish_with_commit(app: Any, clock: Any) -> None:
    """Stop the clock behind the commit that ends the run: it waits for all deliveries."""
    context = app._processing_context
    honest = context.commit_checkpoint

    def commit(*, force: bool = False, revoking: bool = False) -> None:
        honest(force=force, revoking=revoking)
        if force:
            clock.finish()

    context.commit_checkpoint = commit


if __name__ == "__main__":
    main()
