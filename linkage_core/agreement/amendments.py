"""Whether one version of an agreement may follow another: same agreement, same lineage, next version."""

from linkage_core.agreement.document import Agreement
from linkage_core.errors import Refused


def check_amendment(old: Agreement, new: Agreement) -> None:
    """Return if `new` amends `old`; otherwise raise `Refused` with the clause that breaks the chain.

    Lineage and project must stay, since handles, groups, synthetic keys and the spent budget are bound to them.
    """
    for clause in ("id", "lineage", "project", "trust_domain"):
        if getattr(old, clause) != getattr(new, clause):
            raise Refused(clause, "an amendment keeps it")
    if new.version != old.version + 1:
        raise Refused("version", f"must be {old.version + 1}, got {new.version}")
    if new.supersedes != old.hash.hex():
        raise Refused("supersedes", "must name the hash of the version in force")
    if new.epoch < old.epoch:
        raise Refused("epoch", f"must not go back from {old.epoch}: an epoch's secret was deleted when it ended")
    if new.linkage != old.linkage and new.epoch == old.epoch:
        raise Refused("epoch", "another linkage schema needs a new epoch: secrets are bound to the schema")
    members = [{p.name for p in version.providers} for version in (old, new)]
    if members[0] != members[1] and new.epoch == old.epoch:
        raise Refused("epoch", "a changed set of providers needs a new epoch")
