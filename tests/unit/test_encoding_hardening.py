import pytest

from linkage_core.agreement.clauses import Hardening
from linkage_core.default_schema import febrl4_schema, people_schema
from linkage_core.encoding.diffusion import expected_d
from linkage_core.encoding.hardening import require_hardening
from linkage_core.encoding.records import Fill
from linkage_core.errors import Refused
from linkage_core.types import ClkName

AGREED = Hardening(
    minimum_t=8,
    lowest_fill_per_mille=240,
    highest_fill_per_mille=330,
    maximum_d_ppm=10_000,
    minimum_length_bits=1024,
)
PEOPLE = people_schema()
SCHEMA = PEOPLE.model_copy(update={"clks": tuple(spec.model_copy(update={"diffusion_t": 8}) for spec in PEOPLE.clks)})


def fills(share: float) -> dict[ClkName, Fill]:
    return {ClkName(spec.name): Fill(1000, round(share * 1000 * 1024), 1024) for spec in SCHEMA.clks}


def test_agreed_hardening_passes() -> None:
    require_hardening(SCHEMA, AGREED, fills(0.26))


@pytest.mark.parametrize(
    ("share", "change", "clause", "what_to_change"),
    [
        (
            0.20,
            {},
            "hardening.lowest_fill_per_mille",
            "agree on more bitsPerFeature, or see with `symbolon agent check`",
        ),
        (0.40, {}, "hardening.highest_fill_per_mille", "agree on fewer bitsPerFeature"),
        (0.26, {"maximum_d_ppm": 1_000}, "hardening.maximum_d_ppm", "agree on a larger diffusion_t, or on bitsPer"),
        (0.26, {"minimum_t": 9}, "hardening.minimum_t", "agree on a larger diffusion_t"),
        (0.26, {"minimum_length_bits": 16_384}, "hardening.minimum_length_bits", "agree on a larger clkConfig.l"),
    ],
)
def test_weaker_encodings_are_refused_by_the_clause_they_break_with_what_to_change(
    share: float, change: dict[str, int], clause: str, what_to_change: str
) -> None:
    with pytest.raises(Refused) as caught:
        require_hardening(SCHEMA, AGREED.model_copy(update=change), fills(share))
    assert caught.value.clause == clause
    assert what_to_change in str(caught.value)
    assert all(spec.name in str(caught.value) for spec in SCHEMA.clks)


def test_fill_is_judged_only_where_something_was_encoded() -> None:
    require_hardening(SCHEMA, AGREED, {ClkName(SCHEMA.clks[0].name): Fill(0, 0, 1024)})


def test_d_is_one_without_diffusion_and_falls_with_t() -> None:
    assert expected_d(0.3, 1) == 1.0
    assert expected_d(0.26, 8) == pytest.approx(0.0059, abs=1e-4)
    assert expected_d(0.5, 2) == 0.0


def test_default_schemas_ask_for_the_agreed_length_and_t() -> None:
    for schema in (people_schema(), febrl4_schema()):
        require_hardening(schema, AGREED, {})


def test_fills_of_other_lengths_are_not_added() -> None:
    with pytest.raises(ValueError, match="1024 and 512"):
        Fill(1, 1, 1024) + Fill(1, 1, 512)
