"""How far one row moves the linkage, which the guarantee of differential privacy holds fixed.

A row more can move what other rows are linked by: thresholds, weights, the solver's order. How far is measured: rows
are taken out, one at a time, everything is linked anew with the same seed, and the groups that are now others are
counted. Taking a row out of files that hold it is putting it into files that do not, so one figure tells of both.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.clauses import Matching
from linkage_core.agreement.declared_rates import LinkageSensitivity
from linkage_core.linking.files import ClkColumn, EncodedFile, MatchKeyColumn
from linkage_core.linking.run import link
from linkage_core.schema import LinkageSchema

PER_MILLE = 1000


def measure_sensitivity(
    files: Sequence[EncodedFile],
    schema: LinkageSchema,
    matching: Matching,
    seed: int,
    trials: int,
    random: np.random.Generator,
    progress: Callable[[int, int], None] | None = None,
) -> LinkageSensitivity:
    """Return how many groups change when one row is taken out, over `trials` rows drawn from all files.

    Each trial links everything; ValueError for fewer than one. The files' rows are all new ones (no registry).
    """
    if trials < 1:
        raise ValueError(f"{trials} trials")
    tell = progress or (lambda done, total: None)
    sizes = np.array([file.row_count for file in files])
    first = np.concatenate([[0], np.cumsum(sizes)])
    before = _groups(files, schema, matching, seed)
    changed = []
    for place, drawn in enumerate(random.choice(int(sizes.sum()), trials, replace=trials > sizes.sum()).tolist()):
        tell(place, trials)
        number = int(np.searchsorted(first, drawn, side="right")) - 1
        left = [_without(file, drawn - int(first[number])) if one == number else file for one, file in enumerate(files)]
        changed.append(changed_groups(np.delete(before, drawn), _groups(left, schema, matching, seed)))
    tell(trials, trials)
    return LinkageSensitivity(
        trials=trials,
        mean_changed_per_mille=int(np.ceil(PER_MILLE * sum(changed) / trials)),
        most_changed=max(changed),
    )


def changed_groups(before: NDArray[np.integer], after: NDArray[np.integer]) -> int:
    """Return how many groups of `after` were no groups before; both (rows,), numbers of groups as each calls them."""
    _, old = np.unique(before, return_inverse=True)
    _, new = np.unique(after, return_inverse=True)
    pairs = np.unique(np.stack([old, new], axis=1), axis=0)
    parts_of_old, parts_of_new = (np.bincount(pairs[:, side]) for side in (0, 1))
    same = (parts_of_old[pairs[:, 0]] == 1) & (parts_of_new[pairs[:, 1]] == 1)
    return int(new.max(initial=-1)) + 1 - int(np.count_nonzero(same))


def _groups(files: Sequence[EncodedFile], schema: LinkageSchema, matching: Matching, seed: int) -> NDArray[np.integer]:
    """Return the group of every row, file by file."""
    groups = link(files, schema, matching, seed).groups.files
    return np.concatenate([groups[file.provider].group for file in files])


def _without(file: EncodedFile, row: int) -> EncodedFile:
    return EncodedFile(
        file.provider,
        file.row_count - 1,
        {
            name: ClkColumn(np.delete(clk.bits, row, axis=0), np.delete(clk.present, row))
            for name, clk in file.clks.items()
        },
        {
            name: MatchKeyColumn(np.delete(key.keys, row, axis=0), np.delete(key.present, row))
            for name, key in file.match_keys.items()
        },
    )
