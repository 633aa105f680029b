"""The fast encoder gives clkhash's bits: on random schemas, random Unicode, and whatever it has to forget meanwhile."""

import functools
from datetime import date
from itertools import product
from typing import Any

import numpy as np
import pytest
from clkhash.field_formats import FieldSpec
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linkage_core.crypto.secret import Secret
from linkage_core.encoding.canonical import CanonicalTexts
from linkage_core.encoding.columns import ColumnEncoder
from linkage_core.encoding.dates import layout_of, read_dates
from linkage_core.encoding.encodable import compile_schema, encoded_text
from linkage_core.encoding.reference import encode_reference
from linkage_core.encoding.texts import Texts, code_points
from linkage_core.errors import InputFault
from linkage_core.schema import ClkSpec

SECRETS = st.binary(min_size=64, max_size=64).map(Secret)
FIXED_LAYOUTS = ["%Y-%m-%d", "%d/%m/%Y", "%Y%m%d", "%d.%m.%Y", "%m/%d/%Y", "%d%m%Y", "%m-%Y-%d."]
FORMATS_OF_DATES = [*FIXED_LAYOUTS, "%d %B %Y", "%y-%m-%d", "%Y %j"]
TEXT = st.text(st.characters(), max_size=12)
"""Any code point, lone surrogates, separators and characters beyond the first plane included."""

WORDS = st.text("ab .é\n", max_size=6)


def spec_of(features: list[dict[str, Any]], length: int = 128, **config: Any) -> ClkSpec:
    clk_config = {"l": length, "kdf": {"type": "HKDF"}, **config}
    named = [{"identifier": f"f{place}", **feature} for place, feature in enumerate(features)]
    clkhash = {"version": 3, "clkConfig": clk_config, "features": named}
    return ClkSpec(name="tried", clkhash=clkhash, diffusion_t=8, weight=1)


def outcome(encode: Any) -> NDArray[np.uint8] | str:
    try:
        bits: NDArray[np.uint8] = encode()
    except InputFault as fault:
        return str(fault)
    return bits


def by_columns(spec: ClkSpec, secret: Secret, columns: list[list[str]]) -> NDArray[np.uint8]:
    encoder = ColumnEncoder([(spec, secret)])
    [bits] = encoder.encode(dict(zip(spec.features, columns, strict=True)), len(columns[0]))
    return bits


def assert_alike(spec: ClkSpec, secret: Secret, columns: list[list[str]]) -> None:
    slow = outcome(lambda: encode_reference(spec, secret, columns))
    fast = outcome(lambda: by_columns(spec, secret, columns))
    assert isinstance(slow, str) == isinstance(fast, str)
    assert np.array_equal(slow, fast)


@st.composite
def formats(draw: st.DrawFn) -> tuple[dict[str, Any], st.SearchStrategy[str]]:
    """A format of clkhash, and values of which most fit it."""
    kind = draw(st.sampled_from(["string", "string", "pattern", "integer", "date", "enum"]))
    if kind == "date":
        form = draw(st.sampled_from(FORMATS_OF_DATES))
        fitting = st.dates().map(lambda day: day.strftime(form))
        return {"type": "date", "format": form}, st.one_of(fitting, fitting, st.just("1987-02-29"))
    if kind == "integer":
        numbers = st.integers(-10, 10**6)
        written = st.one_of(numbers.map(str), numbers.map("+{}".format), numbers.map(" {:07d}".format), st.just("x"))
        return {"type": "integer", "maximum": draw(st.integers(10, 10**6))}, written
    if kind == "enum":
        return {"type": "enum", "values": ["m", "f", "", "größe"]}, st.sampled_from(["m", "f", "", "größe"])
    if kind == "pattern":
        return {"type": "string", "pattern": "[ab é\n]*", "encoding": draw(ENCODINGS)}, WORDS
    rules: list[dict[str, Any]] = [{}, {}, {"case": "lower"}, {"case": "mixed"}, {"minLength": 1}, {"maxLength": 5}]
    text = {"type": "string", "encoding": draw(ENCODINGS), **draw(st.sampled_from(rules))}
    return text, draw(st.sampled_from([TEXT, WORDS, WORDS, st.sampled_from(["12", "-3.75", "1e3", "inf", ""])]))


ENCODINGS = st.sampled_from(["ascii", "utf-8", "utf-16", "utf-32"])
COMPARISONS = st.one_of(
    st.builds(
        lambda n, positional: {"type": "ngram", "n": n} | positional,
        st.integers(1, 4),
        st.sampled_from([{}, {"positional": True}, {"positional": False}]),
    ),
    st.just({"type": "exact"}),
    st.builds(
        lambda distance, resolution, precision: {
            "type": "numeric",
            "thresholdDistance": distance,
            "resolution": resolution,
            "fractional_precision": precision,
        },
        st.sampled_from([1, 2.5, 365]),
        st.integers(1, 5),
        st.integers(1, 3),
    ),
)
STRATEGIES = st.one_of(
    st.builds(lambda bits: {"bitsPerToken": bits}, st.integers(1, 70)),
    st.builds(lambda bits: {"bitsPerFeature": bits}, st.integers(1, 300)),
)


@st.composite
def features(draw: st.DrawFn) -> tuple[dict[str, Any], st.SearchStrategy[str]]:
    form, values = draw(formats())
    hashing = {"comparison": draw(COMPARISONS), "strategy": draw(STRATEGIES)}
    sentinel = draw(st.sampled_from([None, None, "", "a", "1987-05-12", "12"]))
    if sentinel is not None:
        hashing["missingValue"] = {"sentinel": sentinel} | draw(
            st.sampled_from([{}, {"replaceWith": ""}, {"replaceWith": "né\U0001f40c"}, {"replaceWith": "7"}])
        )
        values = st.one_of(values, values, st.just(sentinel))
    return {"format": form, "hashing": hashing}, values


@settings(max_examples=150)
@given(st.data(), SECRETS, st.sampled_from([64, 128, 1024]), st.integers(0, 3))
def test_random_schemas_and_values_give_clkhash_bits_or_the_same_refusal(
    data: st.DataObject, secret: Secret, length: int, folds: int
) -> None:
    parts = data.draw(st.lists(features(), min_size=1, max_size=3))
    rows = data.draw(st.integers(1, 8))
    columns = [data.draw(st.lists(values, min_size=rows, max_size=rows)) for _, values in parts]
    config = {} if folds == 0 else {"xor_folds": folds}
    assert_alike(spec_of([feature for feature, _ in parts], length, **config), secret, columns)


def text_feature(n: int, positional: bool, strategy: dict[str, int], encoding: str = "utf-8") -> dict[str, Any]:
    return {
        "format": {"type": "string", "encoding": encoding},
        "hashing": {"comparison": {"type": "ngram", "n": n, "positional": positional}, "strategy": strategy},
    }


@settings(max_examples=100)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=20),
    st.integers(1, 3),
    st.booleans(),
    STRATEGIES,
    st.sampled_from(["utf-8", "utf-16", "utf-32"]),
)
def test_any_unicode_gives_clkhash_bits(
    texts: list[str], n: int, positional: bool, strategy: dict[str, int], encoding: str
) -> None:
    spec = spec_of([text_feature(n, positional, strategy, encoding)], 512)
    bits = by_columns(spec, Secret(b"u" * 64), [texts])
    assert np.array_equal(bits, encode_reference(spec, Secret(b"u" * 64), [texts]))


@functools.cache
def date_field(form: str) -> FieldSpec:
    hashing = {"comparison": {"type": "exact"}, "strategy": {"bitsPerToken": 3}}
    [field] = compile_schema(spec_of([{"format": {"type": "date", "format": form}, "hashing": hashing}])).fields
    return field


@given(
    st.sampled_from(FORMATS_OF_DATES),
    st.lists(st.dates(), max_size=20),
    st.lists(st.text("0123456789-./ \u0663", max_size=10), max_size=20),
)
def test_dates_of_every_layout_are_read_as_strptime_reads_them(form: str, days: list[date], texts: list[str]) -> None:
    values = [*(day.strftime(form) for day in days), *texts]
    canonical, unfit = CanonicalTexts(date_field(form)).of(texts_of(values))
    expected = [encoded_text(date_field(form), value) for value in values]
    assert [None if bad else text for text, bad in zip(canonical.strings(), unfit.tolist(), strict=True)] == expected


def texts_of(values: list[str]) -> Texts:
    """Return strings as texts."""
    starts = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, values), dtype=np.int64, count=len(values)), out=starts[1:])
    return Texts(code_points("".join(values)), starts)


@pytest.mark.parametrize("form", FIXED_LAYOUTS)
def test_every_day_of_the_calendar_and_every_wrong_one_is_read_as_strptime_reads_it(form: str) -> None:
    layout = layout_of(form)
    assert layout is not None
    values = [
        form.replace("%Y", str(year)).replace("%m", f"{month:02d}").replace("%d", f"{day:02d}")
        for year, month, day in product((1000, 1899, 1900, 2000, 2023, 2024, 9999), range(15), range(34))
    ]
    written, was_read = read_dates(texts_of(values), layout)
    for value, text, quick in zip(values, written.strings(), was_read.tolist(), strict=True):
        slow = encoded_text(date_field(form), value)
        assert (slow == text) if quick else not text, value


def test_xor_folds_under_the_name_that_clkhash_does_not_read_are_refused() -> None:
    with pytest.raises(InputFault, match="xor_folds"):
        compile_schema(spec_of([text_feature(2, False, {"bitsPerToken": 5})], xorFolds=1))
