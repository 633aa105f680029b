"""The exception tree of the linkage floor, cut by what the caller can do.

    LinkageCoreError
    ├── InputFault        mend the input and try again (the caller's data or document is wrong)
    ├── Refused           an agreement's clause forbids it; carries the clause
    ├── Tampered          a signature, seal, digest or tag does not fit: never retry, tell an operator
    └── Unfit             this installation or run cannot do it (a missing part, a run too large): call an operator

Messages hold ids, counts and field names, never values of records and never keys.
"""


class LinkageCoreError(Exception):
    """Root of every error that `linkage_core` raises on purpose."""


class InputFault(LinkageCoreError):
    """The input is wrong and can be mended; `faults` lists every fault found, not only the first."""

    def __init__(self, message: str, faults: tuple[str, ...] = ()) -> None:
        super().__init__("\n".join((message, *(f"  - {fault}" for fault in faults))))
        self.faults = faults


class Refused(LinkageCoreError):
    """A clause of the agreement forbids it; `clause` is the dotted path of that clause."""

    def __init__(self, clause: str, message: str) -> None:
        super().__init__(f"refused by clause {clause}: {message}")
        self.clause = clause


class Tampered(LinkageCoreError):
    """Something that is signed, sealed or digested does not fit its signature, seal or digest."""


class Unfit(LinkageCoreError):
    """This installation, or a run of this size, cannot do what was asked; an operator must change something."""
