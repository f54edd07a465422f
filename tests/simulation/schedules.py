"""Random schedules for the simulation, and what must be true at their end."""

from typing import Final

from forwarder.outbox import NOTICE, Key, State
from forwarder.stages.read import found_records
from tests.simulation.simulation import (
    CHANNELS,
    CONFIGS,
    DAY,
    HOUR,
    MINUTE,
    Invocation,
    Simulation,
    line,
)

_ANSWERS: Final = ("500", "429", "404", "400", "lost", "late")
_TIMEOUT_ANSWERS: Final = frozenset({"lost", "late"})
_OUTAGES: Final = (10_000, 2 * MINUTE, 7 * MINUTE, 3 * HOUR, DAY, 3 * DAY)


def schedule(seed: int, *, slow: float | None = None) -> Simulation:
    """Carry out the schedule of a seed; return the simulation when all is well again.

    `slow` replaces the drawn probability that a call takes four seconds.
    """
    simulation = Simulation(seed)
    choose = simulation.random
    weather = simulation.weather
    weather.crash = choose.choice((0.0, 0.0, 0.002, 0.01, 0.05))
    weather.throttle = choose.choice((0.0, 0.0, 0.002, 0.02))
    weather.drop_wake = choose.choice((0.0, 0.0, 0.2, 1.0))
    weather.lag_ms = choose.choice((0, 0, 500, 5_000, 60_000))
    weather.twice = choose.choice((0.0, 0.0, 0.2))
    weather.slow = choose.choice((0.0, 0.0, 0.02))
    weather.slow = weather.slow if slow is None else slow
    begin = simulation.now_ms
    length = choose.choice((MINUTE, 10 * MINUTE, 2 * HOUR, DAY))
    for _ in range(choose.choice((0, 0, 1, 2))):
        channel, answer = choose.choice(CHANNELS), choose.choice(_ANSWERS)
        at = begin + choose.randrange(length)
        # An answer that is lost leaves its copies: each message is sent again after a longer time.
        weather.outages.append((channel, at, at + choose.choice(_OUTAGES), answer))
    simulation.at(begin + choose.randrange(MINUTE), simulation.each_minute)
    for _ in range(choose.choice((0, 0, 1))):
        name = choose.choice(("without each", "without count"))
        at = begin + choose.randrange(length)
        simulation.at(at, lambda name=name: setattr(simulation, "config", CONFIGS[name]))
        back = at + choose.randrange(1, 2 * HOUR)
        simulation.at(back, lambda: setattr(simulation, "config", CONFIGS["all"]))
    number = 0
    for _ in range(choose.choice((1, 2, 5, 12))):
        at = begin + choose.randrange(length)
        lines = []
        for _ in range(choose.choice((1, 1, 1, 2, 4, 30))):
            number += 1
            action = choose.choice(("each", "each", "count", "count", "quiet", "size", "other"))
            event_ms = at - choose.choice((0, 0, 100, 30_000, 5 * MINUTE, DAY, -HOUR))
            lines.append((event_ms + choose.randrange(1000), line(number, action)))
            if choose.random() < 0.02:
                [record] = found_records(lines[-1:])
                simulation.poison.add(str(Key(action, "slack", record.key)))
        _arrive(simulation, at, lines)
        if choose.random() < 0.2:  # at least once
            _arrive(simulation, at + choose.choice((10, 3_000, HOUR)), lines)
    simulation.run(begin + length + 10 * MINUTE)
    simulation.run(max([simulation.now_ms, *(end for _, _, end, _ in weather.outages)]))
    simulation.heal()
    simulation.run(simulation.now_ms + 30 * HOUR)  # quiet hours end, back-off and retries too
    return simulation


def _arrive(simulation: Simulation, at: int, lines: list[tuple[int, str]]) -> None:
    def arrive() -> None:
        simulation._number += 1
        simulation.active_ms = simulation.now_ms
        invocation = Invocation("match", lines, f"r{simulation._number}")
        simulation.arrivals.append((lines, invocation.configs))
        simulation.invoke(invocation, simulation.random.choice((50, 2_000)))

    simulation.at(at, arrive)


def problems(simulation: Simulation) -> list[str]:
    """Return what is wrong when all is well again."""
    found = list(simulation.broken)
    if simulation.dead:
        found.append("a dead letter, although all is well")
    expected = simulation.expected()
    for key, states in expected.items():
        copies, excused = simulation.accepted[key], simulation.excused[key]
        state = simulation.state(key)
        if state not in states:
            found.append(f"{key} is {state}, not {' or '.join(sorted(states))}")
        elif state == State.TOLD and not 1 <= copies <= 1 + excused:
            found.append(f"{key} was told {copies} times, with {excused} copies excused")
        elif state not in {State.TOLD, State.UNSURE} and copies:
            found.append(f"{key} is {state}, and was told")
    for key in simulation.accepted.keys() - expected.keys():
        copies, excused = simulation.accepted[key], simulation.excused[key]
        if not key.startswith(NOTICE) or copies > 1 + excused:
            found.append(f"{key} was told {copies} times, unexpectedly")
    return found
