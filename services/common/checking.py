"""What a service's `check` goes through: every step is tried, and each that cannot pass becomes a sentence."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from linkage_core.errors import LinkageCoreError
from services.common.errors import ServiceError

Found = TypeVar("Found")


@dataclass(slots=True)
class Checklist:
    """Collects the sentences of the steps that failed, so that an operator mends all of them at once."""

    findings: list[str] = field(default_factory=list)

    def attempt(self, step: Callable[[], Found]) -> Found | None:
        """Return what a step gives, or None and one finding more; errors outside the trees pass through."""
        try:
            return step()
        except (LinkageCoreError, ServiceError) as error:
            self.findings.append(str(error))
        except OSError as error:
            self.findings.append(f"{error.filename}: {error.strerror}")
        return None
