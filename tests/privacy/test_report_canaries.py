"""No value of a person is in a report on the files that hold it: not as it is, standardised, encoded or keyed."""

from typing import Final

import numpy as np
import pytest

from linkage_core.crypto.kdf import keyed_image
from linkage_core.crypto.secret import Secret
from linkage_core.standardise.run import standardise
from linkage_core.types import LocalId, PartyName
from services.provider_agent.check import ExaminedFiles, examine_files
from services.provider_agent.identities import images_of
from services.provider_agent.mapping import load_mapping
from services.provider_agent.progress import silent
from services.provider_agent.quality.report import quality_report
from tests.support.agents import Files, write_files
from tests.support.needles import Needles
from tests.support.parties import NOW, make_parties

KEY: Final = b"\x5a" * 32
NAMES: Final = (
    ("Xqzélodie", "Qwyxmüller"),
    ("Ксенофонта", "Щербатюкова"),
    ("Quxanne Zybert", "O'Qvarrington"),
    ("Zzyx4711name", "Brokenqx\ufffdname"),
)
TEXTS: Final = ("Xqzpayloadcode", "Vxplaceholderq", "17.11.1903", "29.10.2003", "local-id-canary-77", "1903-11-17")


@pytest.fixture(scope="module")
def examined(tmp_path_factory: pytest.TempPathFactory) -> ExaminedFiles:
    """Files in which each canary is rare, frequent, missing a partner, twice, swapped, odd or faulty somewhere."""
    folder = tmp_path_factory.mktemp("canaries")
    parties = make_parties(folder / "parties")
    files = Files.of("register", people=200)
    rows = files.tables["identities"]
    for place, (given, family) in enumerate(NAMES):
        rows[place][1:] = [given, family, TEXTS[2]]
        rows[place + 10][1:] = [given, family, TEXTS[2]]
        rows[place + 20][1:] = [family, given, TEXTS[2]]
        rows[place + 30][1:] = ["", family, TEXTS[2]]
        rows[place + 40][3] = given  # no date: a fault
    for row in rows[100:180]:
        row[2], row[3] = TEXTS[1], TEXTS[3]
    rows[199][0] = rows[198][0] = TEXTS[4]  # a local id twice: a fault
    files.tables["persons"][5][1] = TEXTS[0]
    files.tables["persons"][6][0] = TEXTS[4] + "9"
    return examine_files(
        load_mapping(write_files(folder, files)),
        parties.verified.document,
        PartyName("register"),
        today=NOW.date(),
        random_bytes=lambda size: KEY[:size],
        progress=silent,
    )


@pytest.fixture(scope="module")
def needles(examined: ExaminedFiles) -> Needles:
    """Every canary in every form, with the images that the check itself makes of it, also as decimal numbers."""
    columns = {
        "given_name": [given for given, _ in NAMES] + [TEXTS[1]],
        "family_name": [family for _, family in NAMES] + [TEXTS[1]],
        "birth_date": [TEXTS[5]] * (len(NAMES) + 1),
    }
    records, _ = standardise(examined.agreement.linkage, columns)
    standardised = {value for column in records.values.values() for value in column}
    words = {word for value in standardised for word in value.split()}
    raw = {text for pair in NAMES for text in pair} | set(TEXTS)
    every = raw | standardised | words
    images = [keyed_image(Secret(KEY), text.encode()) for text in every]
    images += [bytes(image) for image in images_of(Secret(KEY), [LocalId(TEXTS[4])]).view((np.uint8, 16))]
    numbers = {str(int.from_bytes(image[:8], "little")) for image in images}
    return (
        Needles.of_texts({text: text for text in sorted(every)})
        | Needles.of_values({"image": images, "half an image": [image[:8] for image in images]})
        | Needles.of((number.encode(), "image", "decimal") for number in sorted(numbers))
    )


def test_neither_page_nor_json_holds_a_canary_in_any_form(examined: ExaminedFiles, needles: Needles) -> None:
    made = quality_report(examined, PartyName("register"), "w1", NOW.date())
    for place, content in (("page", made.to_html()), ("json", made.to_json())):
        assert needles.inside(content.encode(), place) == []


def test_the_canaries_were_counted(examined: ExaminedFiles) -> None:
    made = quality_report(examined, PartyName("register"), "w1", NOW.date()).to_json()
    assert len(examined.faults) >= len(NAMES) + 2
    for expected in ("stands out", "with a digit", "wrong character set", "in several scripts", "same words as names"):
        assert expected in made


def test_no_statistic_holds_a_canary_even_where_no_page_shows_it(examined: ExaminedFiles, needles: Needles) -> None:
    assert needles.inside(repr((examined.identities, examined.payload, examined.files)).encode(), "statistics") == []


def test_the_search_would_find_a_report_that_leaks(examined: ExaminedFiles, needles: Needles) -> None:
    made = quality_report(examined, PartyName("register"), "w1", NOW.date()).to_html()
    for leak in ("qwyxmuller", "ксенофонта", keyed_image(Secret(KEY), b"vxplaceholderq").hex()):
        assert needles.inside(made.replace("</main>", f"{leak}</main>").encode(), "page")
