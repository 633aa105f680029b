"""What linking a wave would cost on this machine, before it begins. Nothing is changed, and nothing is linked."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from linkage_core.linking.comparable import check_comparable
from linkage_core.linking.files import check_against_schema
from linkage_core.linking.pool import pool_records
from linkage_core.linking.what_to_search import PER_MILLE, encodings_of, every_pair, recall_of
from linkage_core.searching.estimate import Estimate, estimate_search, require_fits
from services.linkage_unit.loading import load_upload
from services.linkage_unit.project import require_all_committed
from services.linkage_unit.registry import require_registry
from services.linkage_unit.unit import LinkageUnit
from services.linkage_unit.wave_files import wave_files

STEPS_PER_MILLE: Final = (-20, 0, 20, 40, 60)
"""Thresholds beside the run's own, so that parties see what another would cost."""

LEAST_THRESHOLD: Final = 0.001


@dataclass(frozen=True, slots=True)
class WaveEstimate:
    """A wave's `records` of all files, and one estimate a threshold, of which `agreed` is the agreement's.

    `disk_bytes`: free where findings are kept.
    """

    records: int
    agreed: Estimate
    estimates: tuple[Estimate, ...]
    maximum_candidates: int
    disk_bytes: int

    def require_fits(self, memory_bytes: int) -> None:
        """Raise `Unfit`, with what to change, unless the agreed threshold's run fits the agreement and this machine."""
        require_fits(self.agreed, self.maximum_candidates, memory_bytes, self.disk_bytes)


def estimate_wave(unit: LinkageUnit, wave: str, timer: Callable[[], float]) -> WaveEstimate:
    """Estimate the linking of a wave whose files are all there; `timer` gives seconds.

    Raises `NotReady` while uploads are missing, `Tampered` if anything at rest is not what arrived.
    """
    document = unit.agreement.document
    document.wave(wave)
    uploads = unit.uploads.of_wave(wave)
    require_all_committed((party.name for party in document.providers), uploads, unit.version)
    loaded = [load_upload(unit, upload) for upload in uploads]
    if document.wave(wave).kind == "incremental":
        require_registry(unit, document.wave(wave))
    files = tuple(rows.file for rows in wave_files(unit, document.wave(wave), loaded, unit.runs.registry()).rows)
    check_against_schema(files, document.linkage)
    check_comparable(files, document.linkage, document.matching)
    seed = int.from_bytes(unit.random(8), "big")
    matching = document.matching
    pool = pool_records(files, document.linkage, seed, matching.spine)
    search = every_pair(
        pool, document.linkage, matching, pool.duplicates_allowed(matching.sources_with_duplicates), seed
    )
    thresholds = sorted(
        {min(max(search.threshold + step / PER_MILLE, LEAST_THRESHOLD), 1.0) for step in STEPS_PER_MILLE}
    )
    estimates = estimate_search(
        search,
        encodings_of(pool),
        recall_of(document.linkage, matching, search.threshold),
        thresholds,
        timer,
    )
    return WaveEstimate(
        pool.size,
        estimates[thresholds.index(search.threshold)],
        estimates,
        matching.maximum_candidates_per_record * pool.size,
        shutil.disk_usage(unit.content.folder.parent).free,
    )
