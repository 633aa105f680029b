"""Linkage schemas to start from: for people known by names and birth date, and for the FEBRL4 files.

Made as the measurements say: every CLK mixes at least two parts of high entropy, so that its code is nearly unique to
a person, and every likely error leaves at least one CLK intact. `bitsPerFeature` fixes how many bits a feature sets
whatever its length, so that fill hardly varies with the length of names. 1,024 bits, t = 8; fill .25 to .28, D < .01.
Imported by whoever drafts an agreement or encodes, never by the linkage unit or the analysis service.
"""

from typing import Any, Final

from linkage_core.schema import ClkSpec, LinkageSchema, MatchKeySpec, QuasiIdentifier, Variable
from linkage_core.standardise.rules import current

LENGTH_BITS: Final = 1024
DIFFUSION_T: Final = 8


def people_schema() -> LinkageSchema:
    """Return the schema for files that share given name, family name and birth date.

    | error                                   | CLKs left intact or nearly so             |
    |-----------------------------------------|-------------------------------------------|
    | family name changed, missing            | given-birth                               |
    | given name differs, shortened, missing  | family-birth                              |
    | given and family name swapped           | names-year, names-day                     |
    | day and month swapped                   | all (`ordered-month-day`)                 |
    | another year                            | names-day                                 |
    | another day or month, day unknown       | names-year                                |

    Sex is left out: files lack it, and one bit of knowledge is not worth a bit pattern that a file lacks as a whole.
    The first match key does not mind swapped names, the second does not mind second given names. Their 40 bits count
    the space (two names and a full date: about 2^12 · 2^14 · 2^15); two people of one frequent name and one birth date
    share a key, which is what the cap is for and what makes the keys weaker than a national number.
    """
    return LinkageSchema(
        standardisation=current(),
        quasi_identifiers=(
            QuasiIdentifier(name="given_name", kind="given-name"),
            QuasiIdentifier(name="family_name", kind="family-name"),
            QuasiIdentifier(name="birth_date", kind="date"),
        ),
        variables=(
            Variable(name="given", of=("given_name",), form="first-token"),
            Variable(name="family", of=("family_name",), form="value"),
            Variable(name="names", of=("given_name", "family_name"), form="sorted-tokens"),
            Variable(name="date", of=("birth_date",), form="date-digits"),
            Variable(name="year", of=("birth_date",), form="year"),
            Variable(name="day", of=("birth_date",), form="ordered-month-day"),
        ),
        match_keys=(
            MatchKeySpec(name="names-date", variables=("names", "date"), entropy_bits=40, max_occurrences=5),
            MatchKeySpec(
                name="given-family-date", variables=("given", "family", "date"), entropy_bits=40, max_occurrences=5
            ),
        ),
        clks=(
            _clk("given-birth", _text("given", 125), _digits("year", 95), _digits("day", 95)),
            _clk("family-birth", _text("family", 125), _digits("year", 95), _digits("day", 95)),
            _clk("names-year", _text("names", 216), _digits("year", 108)),
            _clk("names-day", _text("names", 216), _digits("day", 108)),
        ),
    )


def febrl4_schema() -> LinkageSchema:
    """Return the schema for the FEBRL4 files: Australian names, addresses and birth dates, heavy typing errors.

    Names, date and address are crossed in pairs, so that an error in one part leaves the CLKs of the others.
    `state` (eight values) and `soc_sec_id` (the truth, nearly) are not used.
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
        match_keys=(MatchKeySpec(name="names-date", variables=("names", "date"), entropy_bits=40, max_occurrences=5),),
        clks=(
            _clk("names-postcode", _text("names", 235), _digits("postcode", 80)),
            _clk("date-place", _digits("date", 160), _text("place", 155)),
            _clk("address", _text("lines", 200), _digits("number", 35), _text("place", 80)),
        ),
    )


def _clk(name: str, *features: dict[str, Any], weight: int = 1) -> ClkSpec:
    return ClkSpec(
        name=name,
        clkhash={
            "version": 3,
            "clkConfig": {"l": LENGTH_BITS, "kdf": {"type": "HKDF", "hash": "SHA256"}},
            "features": list(features),
        },
        diffusion_t=DIFFUSION_T,
        weight=weight,
    )


def _text(variable: str, bits: int) -> dict[str, Any]:
    """Bigrams in any place: one typing error changes two of them, the order of words none but at their seams."""
    return _feature(variable, {"type": "ngram", "n": 2, "positional": False}, bits)


def _digits(variable: str, bits: int) -> dict[str, Any]:
    """Pairs of digits with their places: one wrong digit leaves the others, two different dates share little.

    Single digits would make any two years or days of the same decade or month near, and neighbours are false links.
    """
    return _feature(variable, {"type": "ngram", "n": 2, "positional": True}, bits)


def _feature(variable: str, comparison: dict[str, Any], bits: int) -> dict[str, Any]:
    return {
        "identifier": variable,
        "format": {"type": "string", "encoding": "ascii"},
        "hashing": {"comparison": comparison, "strategy": {"bitsPerFeature": bits}, "hash": {"type": "blakeHash"}},
    }
