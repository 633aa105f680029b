"""Even times: an answer that was paid for leaves at a whole multiple of a step, so that its time tells little."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a step is, and how time passes; `monotonic` and `sleep` count seconds."""

    step_seconds: float
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @contextmanager
    def even(self) -> Iterator[Callable[[], None]]:
        """Yield a function; if it was called inside the block, the block's end waits for the next whole step.

        It does so however the block ends: a failure must not be told from an answer by its time.
        """
        begun = self.monotonic()
        wanted: list[bool] = []
        try:
            yield lambda: wanted.append(True)
        finally:
            if wanted and self.step_seconds > 0:
                passed = self.monotonic() - begun
                self.sleep(math.ceil(passed / self.step_seconds) * self.step_seconds - passed)
