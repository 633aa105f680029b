"""Steps 1 to 3 of the door: a question that passed policy, what identifies it, what protects its table, its price."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from disclosure.bounding import Block, TruncationKey, blocks_of
from disclosure.cell_keys.ptable import PTable, ptable_of
from disclosure.cell_keys.record_keys import RecordKey
from disclosure.cell_keys.tables import Perturbation, explained
from disclosure.errors import PolicyRefused
from disclosure.grid import Grid, categories, grid_of
from disclosure.measurements import Mechanism, mechanisms_for
from disclosure.policy import check_policy
from disclosure.query.parsing import canonical_question
from disclosure.query.questions import Question
from disclosure.table import CELL_KEY, MechanismName
from disclosure.terms import Terms
from linkage_core.agreement.canonical import digest


@dataclass(frozen=True, slots=True)
class CellKeyParts:
    """What a table by cell-key perturbation is made with, and what its readers are told."""

    ptable: PTable
    record_key: RecordKey
    explanation: str


@dataclass(frozen=True, slots=True)
class Priced:
    """A question that may be asked: its canonical form and hash, its grid, its vectors and what protects each.

    `noise` has a mechanism for each block, or none for a table by cell-key perturbation, which has `cell_keys` instead.
    """

    form: Mapping[str, JsonValue]
    question_hash: str
    grid: Grid
    blocks: tuple[Block, ...]
    noise: tuple[Mechanism, ...]
    cell_keys: CellKeyParts | None = None

    @property
    def nano_rho(self) -> int:
        """The price: blocks add up; nought where no price covers the table."""
        return sum(mechanism.nano_rho for mechanism in self.noise)

    @property
    def mechanism(self) -> MechanismName:
        """How the table is protected."""
        return "discrete-gaussian" if self.cell_keys is None else CELL_KEY

    @property
    def mechanisms(self) -> tuple[Mechanism | Perturbation, ...]:
        """The precision of each block."""
        if self.cell_keys is None:
            return self.noise
        return tuple(Perturbation.of(self.cell_keys.ptable, block.bound) for block in self.blocks)


def priced(
    question: Question, terms: Terms, data_version: str, truncation_key: TruncationKey, record_key: RecordKey | None
) -> Priced:
    """Check a question and price it; raises `PolicyRefused`. It touches no data."""
    # 1
    check_policy(question, terms)
    # 2
    compared = {item.dimension: frozenset(categories(item.dimension, terms)) for item in question.where}
    form = canonical_question(question, compared)
    blocks = blocks_of(question, terms)
    identity: dict[str, JsonValue] = {
        "question": form,
        "lineage": terms.lineage,
        "data_version": data_version,
        "concepts": terms.concepts_digest,
        "bounds": [[block.bound.cells, str(block.bound.l2_squared)] for block in blocks],
        "truncation_key_version": truncation_key.version,
    }
    if question.by_cell_key:
        parts = _cell_key_parts(terms, record_key)
        identity |= {"p-table": parts.ptable.digest, "record_key_version": parts.record_key.version}
        return Priced(form, digest(identity).hex(), grid_of(question, terms), blocks, (), parts)
    # 3
    noise = mechanisms_for(question.accuracy, blocks, terms.budget.maximum_noise_sd)
    return Priced(form, digest(identity).hex(), grid_of(question, terms), blocks, noise)


def _cell_key_parts(terms: Terms, record_key: RecordKey | None) -> CellKeyParts:
    clause = terms.statistics.cell_keys
    if clause is None or record_key is None:
        raise PolicyRefused("statistics.cell_keys", "this service makes no tables by cell-key perturbation")
    return CellKeyParts(ptable_of(clause), record_key, explained(clause, record_key.version))
