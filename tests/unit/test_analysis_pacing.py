"""Answers that were paid for leave at whole steps, failures too."""

import pytest

from services.analysis.pacing import Pace


class Clock:
    """Time that passes only when somebody sleeps, or a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(("work", "left_at"), [(0.1, 2.0), (1.9, 2.0), (2.5, 4.0)])
def test_a_paid_answer_leaves_at_a_whole_step(work: float, left_at: float) -> None:
    clock = Clock()
    with Pace(2.0, clock.monotonic, clock.sleep).even() as leave_evenly:
        leave_evenly()
        clock.now += work
    assert clock.now == pytest.approx(100.0 + left_at)


def test_a_failure_leaves_at_a_whole_step_too() -> None:
    clock = Clock()

    def fail() -> None:
        with Pace(2.0, clock.monotonic, clock.sleep).even() as leave_evenly:
            leave_evenly()
            clock.now += 0.3
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert clock.now == pytest.approx(102.0)


def test_what_cost_nothing_waits_for_nothing() -> None:
    clock = Clock()
    with Pace(2.0, clock.monotonic, clock.sleep).even():
        clock.now += 0.3
    assert clock.now == pytest.approx(100.3)
