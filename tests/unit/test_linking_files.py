import numpy as np
import pytest

from linkage_core.errors import InputFault
from linkage_core.linking.files import ClkColumn, EncodedFile, MatchKeyColumn, check_against_schema
from linkage_core.schema import ClkSpec, LinkageSchema, QuasiIdentifier, Standardisation, Variable
from linkage_core.types import ClkName, MatchKeyName, PartyName


def clk(rows: int, byte_length: int = 8) -> ClkColumn:
    return ClkColumn(np.zeros((rows, byte_length), np.uint8), np.ones(rows, np.bool_))


def schema() -> LinkageSchema:
    return LinkageSchema(
        standardisation=Standardisation(version=1, digest="0" * 64),
        quasi_identifiers=(QuasiIdentifier(name="a", kind="given-name"), QuasiIdentifier(name="b", kind="date")),
        variables=(Variable(name="ab", of=("a", "b"), form="value"),),
        clks=(
            ClkSpec(
                name="main",
                clkhash={"version": 3, "clkConfig": {"l": 64}, "features": [{"identifier": "ab"}]},
                diffusion_t=8,
                weight=1,
            ),
        ),
    )


def test_every_column_of_a_wrong_shape_or_type_is_named() -> None:
    with pytest.raises(InputFault) as refused:
        EncodedFile(
            PartyName("tax"),
            3,
            {
                ClkName("short"): clk(2),
                ClkName("odd"): clk(3, 7),
                ClkName("wide"): ClkColumn(np.zeros((3, 8), np.int64), np.ones(3, np.bool_)),
            },
            {MatchKeyName("key"): MatchKeyColumn(np.zeros((3, 15), np.uint8), np.ones(2, np.bool_))},
        )
    named = " ".join(refused.value.faults)
    assert all(word in named for word in ("CLK short", "CLK odd", "CLK wide", "match key key: shape", "presence"))


def test_files_that_do_not_fit_the_schema_are_refused_with_every_difference() -> None:
    tax = EncodedFile(PartyName("tax"), 1, {ClkName("main"): clk(1, 16)}, {})
    border = EncodedFile(PartyName("border"), 1, {ClkName("other"): clk(1)}, {})
    with pytest.raises(InputFault) as refused:
        check_against_schema((tax, border, border), schema())
    assert refused.value.faults == (
        "border: more than one file",
        "tax: CLK main has 128 bits, expected 64",
        "border: CLK main is missing",
        "border: CLK other is not in the schema",
        "border: CLK main is missing",
        "border: CLK other is not in the schema",
    )
