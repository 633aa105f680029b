"""Numbers of persons and documents: letters and digits only, stand-ins removed, check digits of a scheme checked.

The schemes are python-stdnum's, those that number persons, and plain check-digit algorithms for a country that is not
among them (Georgia's personal number has eleven digits and no published check: kind `identifier` without a scheme). A
number that fails its scheme is mistyped or invented: it links nobody. For Belgium, Denmark, Korea, Norway, Sweden and
South Africa python-stdnum looks at the clock to refuse days of birth that are still to come; a number that exists is
read alike at any time.
"""

import unicodedata
from functools import cache
from importlib import import_module
from typing import Final, Protocol, cast

import stdnum

from linkage_core.schema import IdentifierScheme
from linkage_core.standardise.findings import Reason, Standardised
from linkage_core.standardise.text import fold

SHORTEST: Final = 4
"""Fewer characters than these name no person."""

STAND_INS: Final = frozenset(
    {"unknown", "notknown", "none", "null", "missing", "notavailable", "notapplicable", "nonumber", "noid", "stateless"}
    | {"unbekannt", "inconnu", "desconocido", "neizvestno", "netdannykh"}
    | {"1234567890", "0123456789", "123456789", "12345678", "1234567", "123456", "12345", "1234"}
)
"""What clerks type when there is no number; one character repeated (0000, 99999) counts as well."""

PROBES: Final[dict[IdentifierScheme, str]] = {
    "ar.dni": "20123456", "at.vnr": "1237010180", "be.bis": "98472899765", "be.nn": "85073003328",
    "be.ssn": "85073003328", "bg.egn": "7523169263", "bg.pnf": "7111042925", "br.cpf": "39053344705",
    "ca.bc_phn": "9698658215", "ca.sin": "123456782", "ch.ssn": "7569217076985", "cl.rut": "760864285",
    "cn.ric": "360426199101010071", "cr.cpf": "0304550175", "cr.cr": "155812994816", "cu.ni": "91021027775",
    "cz.rc": "7103192745", "de.idnr": "36574261809", "dk.cpr": "2110625629", "do.cedula": "00113918205",
    "ec.ci": "1714307103", "ee.ik": "36805280109", "es.dni": "54362315K", "es.nie": "X2482300W",
    "fi.hetu": "131052-308T", "fi.veronumero": "123456789123", "fr.nif": "3023217600053",
    "fr.nir": "295109912611193", "gb.nhs": "9434765870", "gb.upn": "B801200005001", "gr.amka": "01013099997",
    "hr.oib": "33392005961", "id.nik": "3171011708450001", "ie.pps": "6433435F", "il.idnr": "039337423",
    "in_.aadhaar": "234123412346", "is_.kennitala": "4504013150", "it.codicefiscale": "RCCMNL83S18D969H",
    "jp.in_": "621498320257", "kr.rrn": "9710139019902", "lt.asmens": "33309240064", "mx.curp": "BOXW310820HNERXN09",
    "my.nric": "770305021234", "nl.bsn": "111222333", "nl.onderwijsnummer": "101222331",
    "no.fodselsnummer": "15108695088", "pe.cui": "10117410", "pk.cnic": "3420108912318", "pl.pesel": "44051401359",
    "pt.cc": "000000000ZZ4", "ro.cnp": "1630615123457", "se.personnummer": "880320-0016", "si.emso": "0101006500006",
    "sk.rc": "7103192745", "th.pin": "1234545678781", "tr.tckimlik": "17291716060", "ua.rntrc": "1759013776",
    "us.ssn": "536904399", "us.itin": "912903456", "za.idnr": "7503305044089", "luhn": "78949", "verhoeff": "12340",
    "damm": "5724", "iso7064.mod_11_2": "07940", "iso7064.mod_11_10": "794623", "iso7064.mod_37_2": "G123489654321Y",
    "iso7064.mod_37_36": "A12425GABC1234002M", "iso7064.mod_97_10": "9999123456789012141490",
}  # fmt: skip
"""A number that each scheme accepts, from python-stdnum's documentation: what the scheme makes of it and of its
neighbours is part of the rules' digest."""


class _Scheme(Protocol):
    def is_valid(self, number: str) -> bool: ...


def standardise_identifier(text: str, scheme: IdentifierScheme | None = None) -> Standardised:
    """Return a person's or document's number in lower-case letters and digits, without signs and spaces.

    Leading zeros stay: they are part of many numbers. With a scheme, a number that the scheme does not accept is
    `INVALID_IDENTIFIER` and missing; one that it accepts is returned without what its scheme lets people leave out.
    """
    code = fold(text).replace(" ", "")
    if len(code) < SHORTEST or len(set(code)) == 1 or code in STAND_INS:
        return "", None
    if scheme is None:
        return code, None
    number = unicodedata.normalize("NFKC", text).strip().upper()
    if not number.isascii() or not _module(scheme).is_valid(number):
        return "", Reason.INVALID_IDENTIFIER
    compact = getattr(_module(scheme), "compact", None)
    return fold(compact(number) if compact else number).replace(" ", ""), None


def verdicts(scheme: IdentifierScheme) -> list[str]:
    """Return what a scheme makes of its probe and of all that differ from it in one character by one step."""
    probe = PROBES[scheme]
    near = [probe[:place] + _next(probe[place]) + probe[place + 1 :] for place in range(len(probe))]
    return [standardise_identifier(number, scheme)[0] for number in (probe, *near)]


def _next(character: str) -> str:
    alphabet = "0123456789" if character.isdigit() else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return alphabet[(alphabet.find(character) + 1) % len(alphabet)]


@cache
def _module(scheme: IdentifierScheme) -> _Scheme:
    return cast(_Scheme, import_module(f"{stdnum.__name__}.{scheme}"))
