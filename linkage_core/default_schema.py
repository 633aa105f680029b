"""Linkage schemas to start from: for people known by names and birth date, and for the FEBRL4 files.

Made as attacks say (`docs/decisions/0022-default-schemas.md`): what people share who are not the same must be a small
part of every CLK, and every likely error must leave at least one CLK nearly intact. Dates of people are one token, so
that being born in one year brings nobody near. `bitsPerFeature` fixes how many bits a feature sets whatever its length,
so that fill hardly varies with the length of names. Fill .24 to .30, D < .01.
Imported by whoever drafts an agreement or encodes, never by the linkage unit or the analysis service.
"""

from typing import Any, Final

from linkage_core.schema import ClkSpec, LinkageSchema, MatchKeySpec, QuasiIdentifier, Variable
from linkage_core.standardise.rules import current

STATED_BITS: Final = 1024
"""The length that the bits of features below are stated for; longer CLKs set more in proportion, at the same fill."""

PEOPLE_LENGTH_BITS: Final = 2048
"""Twice the length with t raised to fit opens no further, and links better where files are dirty: of 10,000 people F1
is .967, and .963 at 1,024 bits."""

MIXED_T: Final = 8
"""Of CLKs of all fields: what two people share is a small part of them."""

DATE_T: Final = 9
"""Of CLKs of one name and the date, which twins and namesakes of a day share half of."""

NEAR_T: Final = 22
"""Of CLKs that namesakes of one year or one day share all of but a name's letters."""

FEBRL4_LENGTH_BITS: Final = 8192
"""A CLK of all fields has much to tell of: F1 is .9978 with the default clause, .9987 with lower candidate thresholds,
and .9968 at 4,096 bits with those; attackers find less in shorter codes."""


def people_schema() -> LinkageSchema:
    """Return the schema for files that share given name, family name and birth date; a municipality helps.

    | error                                   | CLKs left intact or nearly so             |
    |-----------------------------------------|-------------------------------------------|
    | family name changed, missing            | given-date                                |
    | given name differs, shortened, missing  | family-date                               |
    | given and family name swapped           | names-year, names-day                     |
    | day and month swapped                   | all, names-year, names-day                |
    | another year                            | names-day                                 |
    | another day or month, day unknown       | names-year                                |
    | a slip in both names                    | all                                       |

    Sex is left out: files lack it, and one bit of knowledge is not worth a bit pattern that a file lacks as a whole.
    A file without municipalities has the CLK `all` from the rest. The first match key does not mind swapped names, the
    second does not mind second given names, the third minds neither spelling nor a date's transposed digits, the fourth
    takes nicknames for the name. Their 40 bits count the space (two names and a full date: about 2^12 · 2^14 · 2^15);
    two people of one frequent name and one birth date share a key, which is what the cap is for and what makes the keys
    weaker than a national number.
    """
    return LinkageSchema(
        standardisation=current(),
        quasi_identifiers=(
            QuasiIdentifier(name="given_name", kind="given-name"),
            QuasiIdentifier(name="family_name", kind="family-name"),
            QuasiIdentifier(name="birth_date", kind="date"),
            QuasiIdentifier(name="municipality", kind="municipality"),
        ),
        variables=(
            Variable(name="given", of=("given_name",), form="first-token"),
            Variable(name="family", of=("family_name",), form="value"),
            Variable(name="names", of=("given_name", "family_name"), form="sorted-tokens"),
            Variable(name="skeletons", of=("given_name", "family_name"), form="sorted-skeletons"),
            Variable(name="root", of=("given_name",), form="root-skeleton"),
            Variable(name="family-skeleton", of=("family_name",), form="skeleton"),
            Variable(name="date", of=("birth_date",), form="date-digits"),
            Variable(name="year", of=("birth_date",), form="year"),
            Variable(name="day", of=("birth_date",), form="ordered-month-day"),
            Variable(name="digits", of=("birth_date",), form="sorted-date-digits"),
            Variable(name="place", of=("municipality",), form="value"),
        ),
        match_keys=(
            _key("names-date", "names", "date"),
            _key("given-family-date", "given", "family", "date"),
            _key("skeletons-digits", "skeletons", "digits"),
            _key("root-family-date", "root", "family-skeleton", "date"),
        ),
        clks=(
            _clk("given-date", PEOPLE_LENGTH_BITS, DATE_T, _text("given", 145), _whole("date", 185)),
            _clk("family-date", PEOPLE_LENGTH_BITS, DATE_T, _text("family", 145), _whole("date", 185)),
            _clk(
                "all",
                PEOPLE_LENGTH_BITS,
                MIXED_T,
                _text("given", 90),
                _text("family", 90),
                _whole("year", 55),
                _whole("day", 55),
                _whole("place", 45),
            ),
            _clk("names-year", PEOPLE_LENGTH_BITS, NEAR_T, _text("names", 170), _whole("year", 170)),
            _clk("names-day", PEOPLE_LENGTH_BITS, NEAR_T, _text("names", 170), _whole("day", 170)),
        ),
    )


def febrl4_schema() -> LinkageSchema:
    """Return the schema for the FEBRL4 files: Australian names, addresses and birth dates, heavy typing errors.

    Three long CLKs of all fields, each with the weight on another: an error in one weighs little in the two others. It
    is for files in which people stand alone, as in these. Households at one address open the one of addresses: the gate
    refuses this schema for them. `state` (eight values) and `soc_sec_id` (the truth, nearly) are not used.
    """
    return LinkageSchema(
        standardisation=current(),
        quasi_identifiers=(
            QuasiIdentifier(name="given_name", kind="given-name"),
            QuasiIdentifier(name="surname", kind="family-name"),
            QuasiIdentifier(name="date_of_birth", kind="date"),
            QuasiIdentifier(name="street_number", kind="address"),
            QuasiIdentifier(name="address_1", kind="address"),
            QuasiIdentifier(name="address_2", kind="address"),
            QuasiIdentifier(name="suburb", kind="municipality"),
            QuasiIdentifier(name="postcode", kind="postcode"),
        ),
        variables=(
            Variable(name="names", of=("given_name", "surname"), form="sorted-tokens"),
            Variable(name="date", of=("date_of_birth",), form="date-digits"),
            Variable(name="number", of=("street_number",), form="value"),
            Variable(name="lines", of=("address_1", "address_2"), form="sorted-tokens"),
            Variable(name="place", of=("suburb",), form="value"),
            Variable(name="postcode", of=("postcode",), form="value"),
        ),
        match_keys=(_key("names-date", "names", "date"),),
        clks=(
            _of_all_fields("names", names=190, date=50, number=20, lines=40, place=30, postcode=20),
            _of_all_fields("date", names=60, date=150, number=25, lines=50, place=40, postcode=25),
            _of_all_fields("address", names=70, date=50, number=35, lines=110, place=60, postcode=30),
        ),
    )


def _of_all_fields(name: str, *, names: int, date: int, number: int, lines: int, place: int, postcode: int) -> ClkSpec:
    return _clk(
        name,
        FEBRL4_LENGTH_BITS,
        MIXED_T,
        _text("names", names),
        _digits("date", date),
        _whole("number", number),
        _text("lines", lines),
        _text("place", place),
        _whole("postcode", postcode),
    )


def _key(name: str, *variables: str) -> MatchKeySpec:
    return MatchKeySpec(name=name, variables=variables, entropy_bits=40, max_occurrences=5)


def _clk(name: str, length_bits: int, t: int, *features: dict[str, Any]) -> ClkSpec:
    for feature in features:
        feature["hashing"]["strategy"]["bitsPerFeature"] *= length_bits // STATED_BITS
    return ClkSpec(
        name=name,
        clkhash={
            "version": 3,
            "clkConfig": {"l": length_bits, "kdf": {"type": "HKDF", "hash": "SHA256"}},
            "features": list(features),
        },
        diffusion_t=t,
        weight=1,
    )


def _text(variable: str, bits: int) -> dict[str, Any]:
    """Bigrams in any place: one typing error changes two of them, the order of words none but at their seams."""
    return _feature(variable, {"type": "ngram", "n": 2, "positional": False}, bits)


def _digits(variable: str, bits: int) -> dict[str, Any]:
    """Pairs of digits with their places: one wrong digit leaves the others, two different dates share little.

    Single digits would make any two years or days of the same decade or month near, and neighbours are false links.
    """
    return _feature(variable, {"type": "ngram", "n": 2, "positional": True}, bits)


def _whole(variable: str, bits: int) -> dict[str, Any]:
    """The value as one token: equal or unrelated."""
    return _feature(variable, {"type": "exact"}, bits)


def _feature(variable: str, comparison: dict[str, Any], bits: int) -> dict[str, Any]:
    return {
        "identifier": variable,
        "format": {"type": "string", "encoding": "ascii"},
        "hashing": {"comparison": comparison, "strategy": {"bitsPerFeature": bits}, "hash": {"type": "blakeHash"}},
    }
