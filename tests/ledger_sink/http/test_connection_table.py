"""Which connection goes when there are too many, and which ones when their time is over."""

from __future__ import annotations

from dataclasses import dataclass, field

from ledger_sink.http.connection_table import Connection, ConnectionTable, Phase, body_deadline
from ledger_sink.http.limits import ByteBudget, HttpLimits

LIMITS = HttpLimits(connections=6, connections_per_peer=4, head_s=10, body_s=20, body_rate=100)


@dataclass
class World:
    """A table with a clock that stands still, and who was given up."""

    now: float = 0.0
    gone: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the table."""
        self.table = ConnectionTable(LIMITS, lambda: self.now)

    def add(self, name: str, peer: str = "a", phase: Phase | None = None) -> Connection | None:
        """Open a connection, a second after the one before."""
        self.now += 1
        made = self.table.add(peer, lambda late: self.gone.append(f"{name} {'late' if late else 'for room'}"))
        if made is not None and phase is not None:
            self.table.enter(made, phase, None)
        return made


def test_the_oldest_connection_without_a_request_makes_room() -> None:
    """Not the ones that are being answered, nor the newest."""
    world = World()
    world.add("answered", phase=Phase.ANSWER)
    world.add("body", phase=Phase.BODY)
    world.add("first")
    world.add("second")
    assert world.add("new") is not None
    assert world.add("newer") is not None
    assert world.gone == ["first for room", "second for room"]


def test_an_open_connection_goes_before_a_body_and_never_an_answer() -> None:
    """When all are being answered, the new one is refused."""
    world = World()
    for name, phase in (("i", Phase.IDLE), ("b", Phase.BODY), ("a", Phase.ANSWER), ("c", Phase.CLOSING)):
        world.add(name, phase=phase)
    for _ in range(3):
        assert world.add("more", phase=Phase.ANSWER) is not None
    assert world.gone == ["c for room", "i for room", "b for room"]
    assert world.add("refused") is None
    assert len(world.table) == 4


def test_one_address_cannot_take_all() -> None:
    """Another one finds room, and above the cap the crowd's own connections go."""
    world = World()
    for number in range(10):
        world.add(f"a{number}")
    assert len(world.table) == 4
    world.gone.clear()
    for number in range(3):
        world.add(f"b{number}", peer="b")
    assert world.gone == ["a6 for room"]


def test_time_ends_a_head_and_a_body_grows_its_own() -> None:
    """A body gets a second more for each hundred bytes; an answer has no deadline."""
    world = World()
    head = world.add("head")
    body = world.add("body", phase=Phase.BODY)
    world.add("answer", phase=Phase.ANSWER)
    assert head is not None
    assert body is not None
    body.deadline = body_deadline(body, LIMITS, received=500)
    assert body.deadline == 2 + 20 + 5
    world.now = 11.0
    world.table.expire()
    assert world.gone == ["head late"]
    world.now = 30.0
    world.table.expire()
    assert world.gone == ["head late", "head late", "body late"]


def test_a_closed_connection_is_forgotten() -> None:
    """However often that is said."""
    world = World()
    made = world.add("x")
    assert made is not None
    world.table.remove(made)
    world.table.remove(made)
    assert len(world.table) == 0


def test_a_budget_is_given_back() -> None:
    """What does not fit takes nothing."""
    budget = ByteBudget(10)
    assert budget.take(8)
    assert not budget.take(3)
    assert budget.take(2)
    budget.give_back(10)
    assert budget.used == 0
