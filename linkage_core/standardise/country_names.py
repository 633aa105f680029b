"""Names of countries in many languages, and of the places that tell countries apart."""

import gettext
from collections.abc import Iterator
from functools import cache
from typing import Final

import pycountry

from linkage_core.standardise.country_codes import codes_by
from linkage_core.standardise.text import fold, listed

LANGUAGES: Final = ("ar", "de", "el", "es", "fr", "it", "ka", "pl", "pt", "ru", "tr", "uk", "zh_CN")
"""Languages beside English whose names of countries are read, as far as pycountry's translations go."""

ALIASES: Final = codes_by(
    "great britain=GBR|britain=GBR|grossbritannien=GBR|grande bretagne=GBR|gran bretana=GBR|velikobritaniya=GBR|"
    "england=GBR|scotland=GBR|wales=GBR|northern ireland=GBR|america=USA|united states of america=USA|"
    "etats unis d amerique=USA|vereinigte staaten von amerika=USA|ssha=USA|estados unidos de america=USA|"
    "russia=RUS|russland=RUS|russie=RUS|rusia=RUS|rossiya=RUS|rf=RUS|south korea=KOR|north korea=PRK|"
    "sudkorea=KOR|nordkorea=PRK|coree du sud=KOR|coree du nord=PRK|corea del sur=KOR|corea del norte=PRK|"
    "yuzhnaya koreya=KOR|severnaya koreya=PRK|iran=IRN|syria=SYR|syrien=SYR|syrie=SYR|siria=SYR|siriya=SYR|"
    "vietnam=VNM|laos=LAO|moldova=MDA|moldavia=MDA|moldaviya=MDA|moldawien=MDA|moldavie=MDA|belorussia=BLR|"
    "belorussiya=BLR|weissrussland=BLR|bielorussie=BLR|tanzania=TZA|bolivia=BOL|venezuela=VEN|turkey=TUR|"
    "turkei=TUR|turquie=TUR|turquia=TUR|czech republic=CZE|tschechische republik=CZE|macedonia=MKD|"
    "mazedonien=MKD|macedoine=MKD|makedoniya=MKD|ivory coast=CIV|elfenbeinkuste=CIV|cape verde=CPV|swaziland=SWZ|"
    "burma=MMR|birma=MMR|birmanie=MMR|holland=NLD|hollande=NLD|holanda=NLD|gollandiya=NLD|palestine=PSE|"
    "palastina=PSE|kyrgyzstan=KGZ|kirgizstan=KGZ|kirgiziya=KGZ|kirgisistan=KGZ|"
    "democratic republic of the congo=COD|dr congo=COD|congo kinshasa=COD|zaire=COD|congo brazzaville=COG|"
    "republic of the congo=COG|kosovo=XKX|west germany=DEU|east germany=DEU|federal republic of germany=DEU|"
    "german democratic republic=DEU|soviet union=SUN|ussr=SUN|udssr=SUN|urss=SUN|sssr=SUN|sowjetunion=SUN|"
    "union sovietique=SUN|union sovietica=SUN|sovetskiy soyuz=SUN|yugoslavia=YUG|jugoslawien=YUG|yougoslavie=YUG|"
    "yugoslaviya=YUG|czechoslovakia=CSK|tschechoslowakei=CSK|tchecoslovaquie=CSK|checoslovaquia=CSK|"
    "chekhoslovakiya=CSK|serbia and montenegro=SCG|serbien und montenegro=SCG|netherlands antilles=ANT|"
    "rhodesia=ZWE|upper volta=BFA|dahomey=BEN|ceylon=LKA|persia=IRN|siam=THA|east timor=TLS|south yemen=YEM|"
    "north yemen=YEM|chinese taipei=TWN|formosa=TWN"
)
"""Usual names by their fold, and states that are no more. A state with several successors keeps its withdrawn code."""

AMBIGUOUS_NAMES: Final = {
    "korea": ("KOR", "PRK"), "koreya": ("KOR", "PRK"), "coree": ("KOR", "PRK"), "corea": ("KOR", "PRK"),
    "congo": ("COD", "COG"), "kongo": ("COD", "COG"), "virgin islands": ("VGB", "VIR"), "saint martin": ("MAF", "SXM"),
}  # fmt: skip
"""Names that two countries bear, whatever the code list."""

PLACES: Final = {
    "CAN": "toronto|montreal|vancouver|calgary|edmonton|ottawa|winnipeg|hamilton|halifax|regina|saskatoon|windsor|"
    "saint john",
    "USA": "los angeles|san francisco|san diego|sacramento|oakland|fresno|long beach|san jose|pasadena|bakersfield|"
    "stockton|riverside|santa ana|berkeley|atlanta|savannah|augusta|macon",
    "CHL": "santiago|valparaiso|concepcion|antofagasta|vina del mar|temuco|iquique|punta arenas|valdivia|talca",
    "CHE": "zurich|geneva|geneve|genf|basel|bale|bern|berne|lausanne|winterthur|lucerne|luzern|lugano|biel|st gallen",
    "GEO": "tbilisi|tiflis|kutaisi|batumi|rustavi|gori|zugdidi|poti|sukhumi|sokhumi|tskhinvali|telavi",
    "KOR": "seoul|busan|pusan|incheon|inchon|daegu|taegu|daejeon|gwangju|kwangju|ulsan|suwon",
    "PRK": "pyongyang|hamhung|chongjin|nampo|wonsan|sinuiju|kaesong",
    "COD": "kinshasa|lubumbashi|mbuji mayi|kisangani|goma|bukavu|kananga|leopoldville|elisabethville",
    "COG": "brazzaville|pointe noire|dolisie",
}  # fmt: skip
"""Large towns that tell candidates apart, beside the names of their regions in ISO 3166-2."""

SHORTEST_NAME: Final = 4
"""A shorter spelling is a code, never a name."""


@cache
def country_names() -> dict[str, str]:
    """Return every accepted name, folded, with its alpha-3 code; a name of two countries is in `AMBIGUOUS_NAMES`."""
    table: dict[str, set[str]] = {}
    translations = [gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[name]) for name in LANGUAGES]
    for country in pycountry.countries:
        for name in _names(country):
            for spelling in {name, *(language.gettext(name) for language in translations)}:
                for order in _orders(spelling):
                    table.setdefault(fold(order), set()).add(country.alpha_3)
    names = {name: codes.pop() for name, codes in table.items() if len(codes) == 1 and len(name) >= SHORTEST_NAME}
    return names | ALIASES


@cache
def places_of(code: str) -> frozenset[str]:
    """Return the folded names of a country's large towns and of its regions; none for a code without any."""
    country = pycountry.countries.get(alpha_3=code)
    regions = [fold(r.name) for r in pycountry.subdivisions if country and r.country_code == country.alpha_2]
    return frozenset({*listed(PLACES.get(code, "")), *regions} - {""})


def _names(country: object) -> Iterator[str]:
    for attribute in ("name", "official_name", "common_name"):
        if name := getattr(country, attribute, ""):
            yield name


def _orders(name: str) -> Iterator[str]:
    """A name as it is, and without its comma: Korea, Republic of = Republic of Korea."""
    yield name
    first, comma, rest = name.partition(", ")
    if comma:
        yield f"{rest} {first}"
