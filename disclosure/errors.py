"""The exception tree of the disclosure floor, cut by what the caller can do.

    DisclosureError
    ├── QueryFault        mend the question and ask again
    ├── PolicyRefused     a clause of the agreement forbids the question; carries the clause
    ├── BudgetRefused     a cap of the privacy budget does not allow the price; carries the cap and what is left
    ├── KeyReused         the idempotency key paid for another question: ask under a new one
    ├── LedgerCorrupt     the ledger does not fit its hash chain: answer nothing, call an operator
    └── ReleaseFailed     something failed after the budget was reserved: one opaque error, the charge stays

Refusals depend on the question, the agreement and the ledger only, never on the data.
"""


class DisclosureError(Exception):
    """Root of every error that `disclosure` raises on purpose."""


class QueryFault(DisclosureError):
    """The question is not well formed; `faults` lists everything that is wrong with it."""

    def __init__(self, message: str, faults: tuple[str, ...] = ()) -> None:
        super().__init__("\n".join((message, *(f"  - {fault}" for fault in faults))))
        self.faults = faults


class PolicyRefused(DisclosureError):
    """A clause of the agreement forbids the question; `clause` is the dotted path of that clause."""

    def __init__(self, clause: str, message: str) -> None:
        super().__init__(f"refused by clause {clause}: {message}")
        self.clause = clause


class BudgetRefused(DisclosureError):
    """A cap does not allow the price; `needed` and `left` are nano-rho under the cap named by `clause`."""

    def __init__(self, clause: str, needed: int, left: int) -> None:
        super().__init__(f"refused by clause {clause}: the question costs {needed} nano-rho, {left} are left")
        self.clause = clause
        self.needed = needed
        self.left = left


class KeyReused(DisclosureError):
    """An idempotency key paid for something else; nothing was charged now."""

    def __init__(self) -> None:
        super().__init__(
            "this idempotency key paid for another question, accuracy or state of the data; ask under a new key"
        )


class LedgerCorrupt(DisclosureError):
    """The ledger's entries do not fit their hash chain, or a stored result does not fit its entry."""


class ReleaseFailed(DisclosureError):
    """A release failed after its budget was reserved; the charge stays.

    The message is the same whatever happened, since what happened may depend on the data. `cause` is the class name of
    the failure, for the operator's log alone: an analyst who saw it could learn something about the data for nothing.
    """

    def __init__(self, release_id: str, cause: str) -> None:
        super().__init__(f"release {release_id} failed; its charge stays. Asking under a new key is a new charge")
        self.release_id = release_id
        self.cause = cause
