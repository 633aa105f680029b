"""The linkage schema: which quasi-identifiers become which match keys and CLKs, and how hard they are.

It is a clause of the agreement, so it holds no float (thresholds are per mille) and every name is checked here.
What a variable's `form` means is defined, versioned and digested by `linkage_core.standardise`, which only agents run.
"""

import operator
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
"""A short lower-case name: letters, digits, `_` and `-`."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest in lower-case hexadecimal."""

CLKHASH_SCHEMA_VERSION: Final = 3
MINIMUM_MATCH_KEY_BITS: Final = 40
"""Least declared min-entropy of a match key, in bits: below it, equal keys alone would be a code book."""

MINIMUM_IDENTIFIER_BITS: Final = 20
"""The same for a key of identifiers only, each of one person: how often a value occurs tells nothing of whose it is."""

MOST_FREQUENCY_BOUNDS: Final = 3
"""Bounds between the frequency classes of a variable: four classes, two bits of what a name is."""

LEAST_CLASS_PER_MILLE: Final = 50
"""Share of a file's rows with a class that each class must hold: one that fewer people share would point at them."""

LEAST_CLASS_VALUES: Final = 10
"""Distinct values that each class must hold, so that no class spells a name."""

QuasiIdentifierKind = Literal[
    "given-name", "family-name", "date", "sex", "country", "municipality", "identifier", "address", "postcode"
]
IdentifierScheme = Literal[
    "ar.dni", "at.vnr", "be.bis", "be.nn", "be.ssn", "bg.egn", "bg.pnf", "br.cpf", "ca.bc_phn", "ca.sin", "ch.ssn",
    "cl.rut", "cn.ric", "cr.cpf", "cr.cr", "cu.ni", "cz.rc", "de.idnr", "dk.cpr", "do.cedula", "ec.ci", "ee.ik",
    "es.dni", "es.nie", "fi.hetu", "fi.veronumero", "fr.nif", "fr.nir", "gb.nhs", "gb.upn", "gr.amka", "hr.oib",
    "id.nik", "ie.pps", "il.idnr", "in_.aadhaar", "is_.kennitala", "it.codicefiscale", "jp.in_", "kr.rrn",
    "lt.asmens", "mx.curp", "my.nric", "nl.bsn", "nl.onderwijsnummer", "no.fodselsnummer", "pe.cui", "pk.cnic",
    "pl.pesel", "pt.cc", "ro.cnp", "se.personnummer", "si.emso", "sk.rc", "th.pin", "tr.tckimlik", "ua.rntrc",
    "us.ssn", "us.itin", "za.idnr", "luhn", "verhoeff", "damm", "iso7064.mod_11_2", "iso7064.mod_11_10",
    "iso7064.mod_37_2", "iso7064.mod_37_36", "iso7064.mod_97_10",
]  # fmt: skip
"""Numbering schemes of persons, and check-digit algorithms, by python-stdnum's names of modules."""

VariableForm = Literal[
    "value", "sorted-tokens", "first-token", "last-token", "longest-token",
    "nickname-root", "skeleton", "sorted-skeletons", "root-skeleton",
    "date-digits", "year", "month-day", "ordered-month-day", "sorted-date-digits", "sorted-year-digits",
]  # fmt: skip
FORMS_OF_DATES: Final = frozenset[VariableForm](
    ("date-digits", "year", "month-day", "ordered-month-day", "sorted-date-digits", "sorted-year-digits")
)
KINDS_WITH_FREQUENCIES: Final = frozenset[QuasiIdentifierKind](("given-name", "family-name"))
FORMS_OF_ANY_KIND: Final = frozenset[VariableForm](("value", "sorted-tokens", "first-token"))
"""All others are forms of words: names and places."""


class Clause(BaseModel):
    """Base of every part of an agreement: immutable, strictly typed, no unknown field."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class QuasiIdentifier(Clause):
    """One identifying column that a data provider may have; `required` means that an empty value is refused.

    `scheme` is the numbering scheme of an identifier: a number that fails its check digits is taken as missing.
    """

    name: Name
    kind: QuasiIdentifierKind
    required: bool = False
    scheme: IdentifierScheme | None = None

    @model_validator(mode="after")
    def _only_identifiers_have_a_scheme(self) -> "QuasiIdentifier":
        if self.scheme is not None and self.kind != "identifier":
            raise ValueError(
                f"quasi-identifier {self.name}: only the kind identifier has a scheme, this is {self.kind}"
            )
        return self


class Variable(Clause):
    """What is encoded: one or several quasi-identifiers brought into one `form`."""

    name: Name
    of: tuple[Name, ...] = Field(min_length=1)
    form: VariableForm


class MatchKeySpec(Clause):
    """A keyed HMAC over variables; absent for a record that lacks any of them.

    `entropy_bits` is the min-entropy that the parties declare for it; `max_occurrences` caps how often one key may
    occur in a file: a more frequent key is left out of every record that has it. A key of identifiers only needs fewer
    bits than others (decision 26).
    """

    name: Name
    variables: tuple[Name, ...] = Field(min_length=1)
    entropy_bits: int
    max_occurrences: int = Field(ge=1, le=1000)


class ClkSpec(Clause):
    """One Bloom-filter CLK: a clkhash schema (version 3) over variables, hardened by keyed diffusion.

    `diffusion_t` is the number of input bits XORed into each output bit; `weight` counts in the pair's combined score.
    """

    name: Name
    clkhash: dict[str, Any]
    diffusion_t: int = Field(ge=1, le=64)
    weight: int = Field(ge=1, le=1000)

    @property
    def length_bits(self) -> int:
        """Length of the encoding in bits, after folding."""
        return int(self.clkhash["clkConfig"]["l"])

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the variables that this CLK encodes, in the order of its clkhash schema."""
        return tuple(str(feature["identifier"]) for feature in self.clkhash["features"])

    @model_validator(mode="after")
    def _clkhash_schema_is_ours(self) -> "ClkSpec":
        faults = list(_clkhash_faults(self.clkhash))
        if faults:
            raise ValueError("; ".join(faults))
        return self


class FrequencyClasses(Clause):
    """How rare the value of a name is in its file, told in at most four classes: class 1 is below the first bound.

    A bound is a share of the file's rows that have the variable, in rows per million; a value that reaches it is of the
    next class. Agreement on a rare name says more than agreement on a common one, which nobody can see in CLKs. Who
    signs this lets the linkage unit learn the class of every row (decision 28).
    """

    variable: Name
    bounds_per_million: tuple[Annotated[int, Field(ge=1, lt=1_000_000)], ...] = Field(
        min_length=1, max_length=MOST_FREQUENCY_BOUNDS
    )

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.bounds_per_million) + 1

    @model_validator(mode="after")
    def _bounds_rise(self) -> "FrequencyClasses":
        if list(self.bounds_per_million) != sorted(set(self.bounds_per_million)):
            raise ValueError(f"frequency classes of {self.variable}: bounds_per_million must rise, each above the last")
        return self


def _clkhash_faults(schema: dict[str, Any]) -> Iterator[str]:
    if schema.get("version") != CLKHASH_SCHEMA_VERSION:
        yield f"clkhash schema must have version {CLKHASH_SCHEMA_VERSION}"
    config = schema.get("clkConfig")
    length = config.get("l") if isinstance(config, dict) else None
    if not isinstance(length, int) or length <= 0 or length % 64:
        yield "clkConfig.l must be a positive multiple of 64"
    features = schema.get("features")
    if not isinstance(features, list) or not features:
        yield "features must be a list of at least one feature"
        return
    for feature in features:
        if not isinstance(feature, dict) or not isinstance(feature.get("identifier"), str):
            yield "each feature must be an object with an identifier"
            continue
        hashing = feature.get("hashing")
        kind = hashing.get("hash") if isinstance(hashing, dict) else None
        if isinstance(kind, dict) and kind.get("type", "blakeHash") != "blakeHash":
            yield f"feature {feature['identifier']}: hash type must be blakeHash, doubleHash is broken"


class Standardisation(Clause):
    """Version of the standardisation rules and the digest of their tables, as every agent must have them."""

    version: int = Field(ge=1)
    digest: Digest


class LinkageSchema(Clause):
    """Everything that decides how a record is encoded. Its hash enters the derivation of the linkage secret."""

    standardisation: Standardisation
    quasi_identifiers: tuple[QuasiIdentifier, ...] = Field(min_length=1)
    variables: tuple[Variable, ...] = Field(min_length=1)
    match_keys: tuple[MatchKeySpec, ...] = ()
    clks: tuple[ClkSpec, ...] = Field(min_length=1)
    # Left out where empty: a schema without them keeps the hash that it had before there were any.
    frequency_classes: tuple[FrequencyClasses, ...] = Field(default=(), exclude_if=operator.not_)

    def named(self, classes: FrequencyClasses) -> str:
        """Return the quasi-identifier, a name, that frequency classes are of."""
        return next(variable.of[0] for variable in self.variables if variable.name == classes.variable)

    def clks_with(self, classes: FrequencyClasses) -> tuple[ClkSpec, ...]:
        """Return the CLKs that encode the name which frequency classes are of, in whatever form."""
        with_name = {variable.name for variable in self.variables if self.named(classes) in variable.of}
        return tuple(clk for clk in self.clks if not with_name.isdisjoint(clk.features))

    def is_identifier(self, key: MatchKeySpec) -> bool:
        """Tell whether a match key is made of identifiers only: two values of it then mean two people, or an error."""
        identifiers = {quasi.name for quasi in self.quasi_identifiers if quasi.kind == "identifier"}
        return all(identifiers.issuperset(v.of) for v in self.variables if v.name in key.variables)

    @model_validator(mode="after")
    def _names_fit_together(self) -> "LinkageSchema":
        faults: list[str] = []
        known = _unique("quasi_identifiers", [q.name for q in self.quasi_identifiers], faults)
        kinds = {q.name: q.kind for q in self.quasi_identifiers}
        variables = _unique("variables", [v.name for v in self.variables], faults)
        _unique("match_keys", [k.name for k in self.match_keys], faults)
        _unique("clks", [c.name for c in self.clks], faults)
        for variable in self.variables:
            faults += _unknown(f"variable {variable.name}", "quasi-identifier", variable.of, known)
            faults += _of_another_kind(variable, kinds)
        sources = {v.name: set(v.of) for v in self.variables}
        for key in self.match_keys:
            unknown = _unknown(f"match key {key.name}", "variable", key.variables, variables)
            faults += unknown or _of_too_few_values(key, self.is_identifier(key))
        for clk in self.clks:
            unknown = _unknown(f"CLK {clk.name}", "variable", clk.features, variables)
            faults += unknown
            if not unknown and len(set().union(*(sources[n] for n in clk.features))) < 2:
                faults.append(f"CLK {clk.name}: must mix at least two quasi-identifiers, else it is a code book")
        _unique("frequency_classes", [c.variable for c in self.frequency_classes], faults)
        for classes in self.frequency_classes:
            where = f"frequency classes of {classes.variable}"
            unknown = _unknown(where, "variable", (classes.variable,), variables)
            faults += unknown or self._of_no_name(classes, kinds)
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _of_no_name(self, classes: FrequencyClasses, kinds: dict[str, QuasiIdentifierKind]) -> Iterator[str]:
        where = f"frequency classes of {classes.variable}"
        of = next(variable.of for variable in self.variables if variable.name == classes.variable)
        if len(of) != 1 or kinds.get(of[0]) not in KINDS_WITH_FREQUENCIES:
            yield f"{where}: the variable must be of one given or family name, this is of {', '.join(of)}"
        elif not self.clks_with(classes):
            yield f"{where}: no CLK encodes {of[0]}, so they would split nothing: leave them out"


def _of_too_few_values(key: MatchKeySpec, is_identifier: bool) -> Iterator[str]:
    least = MINIMUM_IDENTIFIER_BITS if is_identifier else MINIMUM_MATCH_KEY_BITS
    if key.entropy_bits < least:
        yield (
            f"match key {key.name}: {key.entropy_bits} bits of min-entropy are below {least}, so few values that equal "
            "keys alone would be a code book: add a variable to the key, or leave the key out"
        )


def _unique(what: str, names: list[str], faults: list[str]) -> set[str]:
    faults += [f"{what}: {name} occurs twice" for name in sorted({n for n in names if names.count(n) > 1})]
    return set(names)


def _of_another_kind(variable: Variable, kinds: dict[str, QuasiIdentifierKind]) -> Iterator[str]:
    if variable.form in FORMS_OF_ANY_KIND:
        return
    wants_dates = variable.form in FORMS_OF_DATES
    for name in variable.of:
        if name in kinds and (kinds[name] == "date") != wants_dates:
            what = f"{variable.form} is a form of {'dates' if wants_dates else 'words'}"
            yield f"variable {variable.name}: {what}, and {name} is of kind {kinds[name]}"


def _unknown(where: str, kind: str, names: Sequence[str], known: set[str]) -> list[str]:
    return [
        f"{where}: no {kind} {name}; declare it, or name one of {', '.join(sorted(known))}"
        for name in names
        if name not in known
    ]
