"""The clause that allows tables by cell-key perturbation: off unless all parties sign it.

Such a table is not covered by the guarantee of differential privacy: what may happen to a count is public here, so that
every party knows what it allows.
"""

from typing import Final

from pydantic import Field, model_validator

from linkage_core.schema import Clause

THOUSAND: Final = 1_000


class CellKeys(Clause):
    """What cell-key perturbation does to a count of persons, and how many tables may be made with it.

    A count above nought changes by `maximum_deviation` at most, on average by nothing, with a variance of
    `variance_thousandths` / 1000; one of nought stays. No positive count below `smallest_count` appears. So many
    `tables` may be made under the lineage: each tells something, and nothing but their number bounds how much.
    """

    maximum_deviation: int = Field(ge=1, le=20)
    variance_thousandths: int = Field(ge=1, le=400_000)
    smallest_count: int = Field(default=1, ge=1, le=20)
    tables: int = Field(ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _every_count_can_be_perturbed(self) -> "CellKeys":
        if self.maximum_deviation < self.smallest_count:
            raise ValueError("maximum_deviation must be at least smallest_count, or some counts could only grow")
        bounds = [_variances(self.deviations(count)) for count in range(1, self.last_count + 1)]
        least, greatest = max(low for low, _ in bounds), min(high for _, high in bounds)
        if not least * THOUSAND < self.variance_thousandths < greatest * THOUSAND:
            raise ValueError(
                "variance_thousandths: with this maximum_deviation and smallest_count every count can have a variance "
                f"above {least * THOUSAND} and below {greatest * THOUSAND} only"
            )
        return self

    @property
    def last_count(self) -> int:
        """The count from which on all counts are perturbed alike."""
        return self.maximum_deviation + self.smallest_count

    def deviations(self, count: int) -> tuple[int, ...]:
        """Return by how much a count may change, rising."""
        if count == 0:
            return (0,)
        reach = range(-self.maximum_deviation, self.maximum_deviation + 1)
        return tuple(each for each in reach if count + each == 0 or count + each >= self.smallest_count)


def _variances(deviations: tuple[int, ...]) -> tuple[int, int]:
    """Return the least and the greatest variance that chances of these deviations can have at a mean of nought."""
    below, above = [each for each in deviations if each < 0], [each for each in deviations if each > 0]
    return 0 if 0 in deviations else -below[-1] * above[0], -below[0] * above[-1]
