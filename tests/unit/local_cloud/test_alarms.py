"""The evaluation of alarms, against the tables in AWS's guide.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from types import SimpleNamespace
from typing import Any

import pytest

from local_cloud.services.alarms import Alarms
from local_cloud.services.clock import Clock
from local_cloud.services.metrics import Metrics

NOW = 1_767_225_600  # a whole minute


def state(points: str, treatment: str, *, needed: int = 3, of: int = 3) -> str:
    """Return the state for data points, latest last: `X` breaching, `0` not, `-` missing."""
    metrics = Metrics()
    alarms = Alarms(clock=Clock(), metrics=metrics, publish=lambda *_: None)
    for age, point in enumerate(reversed(points)):
        if point != "-":
            value = 5.0 if point == "X" else 0.0
            metrics.count(("r", "n", "m"), value, (NOW - age * 60) * 1000)
    alarm: Any = SimpleNamespace(
        namespace="n", metric_name="m", period=60, threshold=1, evaluation_periods=of,
        datapoints_to_alarm=needed, comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data=treatment, state_value="OK", state_reason="",
    )  # fmt: skip
    return alarms._state("r", alarm, NOW + 1)[0]


@pytest.mark.parametrize(
    ("points", "missing", "ignore", "breaching", "not_breaching"),
    [
        ("0-X-X", "OK", "OK", "OK", "OK"),
        ("-----", "INSUFFICIENT_DATA", "OK", "ALARM", "OK"),
        ("XXX--", "ALARM", "ALARM", "ALARM", "ALARM"),
        ("--XXX", "ALARM", "ALARM", "ALARM", "ALARM"),
        ("000--", "OK", "OK", "OK", "OK"),
        ("-X--X", "OK", "OK", "ALARM", "OK"),
    ],
)
def test_three_of_three(
    points: str, missing: str, ignore: str, breaching: str, not_breaching: str
) -> None:
    found = [state(points, t) for t in ("missing", "ignore", "breaching", "notBreaching")]
    assert found == [missing, ignore, breaching, not_breaching]


def test_one_data_point_rings_and_then_stays_for_the_evaluation_range() -> None:
    states = [state("X" + "-" * n, "notBreaching", needed=1, of=1) for n in range(4)]
    assert states == ["ALARM", "ALARM", "ALARM", "OK"]


def test_two_of_three() -> None:
    assert state("X0X", "notBreaching", needed=2) == "ALARM"
    assert state("X00", "notBreaching", needed=2) == "OK"
