"""S.7 of a quality report in words: what protects the tables, and which of them no guarantee covers."""

from collections.abc import Iterator

from services.analysis.report.facts import BILLION, Facts, name_of

GUARANTEE = (
    "{which} protected by zero-concentrated differential privacy: rho-zCDP for adding or removing all rows under one "
    "synthetic key, with the linkage held fixed. Small cells are protected by the noise alone; suppression or rounding "
    "of what was released would add no protection."
)


def confidentiality(facts: Facts) -> Iterator[str]:
    """Yield the paragraphs of S.7."""
    private = len(facts.tables) - len(facts.perturbed)
    if private:
        which = "Every table with noise is" if facts.perturbed else "Every table is"
        yield f"S.7.1 Confidentiality, policy: {GUARANTEE.format(which=which)}"
    else:
        yield "S.7.1 Confidentiality, policy: none of these tables is differentially private."
    yield from _perturbation(facts)
    yield (
        f"The budget of the lineage is {facts.budget.total / BILLION:g} rho over all agreements, projects and waves; "
        f"{facts.budget.total_left / BILLION:g} are left. A person whose rows lie under several keys is protected less."
    )
    if private:
        yield (
            "S.7.2 Confidentiality, data treatment: contributions of each person are bounded before counting, and "
            "noise is drawn once over the full grid, zeros included."
        )


def _perturbation(facts: Facts) -> Iterator[str]:
    if facts.perturbed:
        yield f"Not covered by that guarantee: {'; '.join(name_of(table) for table in facts.perturbed)}."
    for explanation in dict.fromkeys(table.release.explanation for table in facts.perturbed):
        yield f"S.7.2 Confidentiality, data treatment: {explanation}."
    if facts.perturbed_releases:
        yield (
            f"Releases of the lineage by cell-key perturbation, not differentially private: {facts.perturbed_releases} "
            f"of {len(facts.releases)}. The rho told here, spent or left, does not cover them."
        )
