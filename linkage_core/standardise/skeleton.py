"""A name's skeleton: one key for the usual romanisations of one native name.

Romanisation is where files of several countries part: Щербаков is Shcherbakov, Schtscherbakow or Scerbakov, عبد الرحمن
is Abd al-Rahman, Abdurrahman or Abderrahmane, 徐 is Xu or Hsu. A skeleton keeps what they share: (1) letter groups that
stand for one sound become one sign, (2) double letters become one, (3) vowels go, except that there was one at the
start. It is coarse on purpose (Юлия, Julia and Iuliia are `al`; so are Olia and Ela): a comparison beside the name
itself, or a part of a key beside other parts, never a substitute for the name.

Sources of the variants: ISO 9, BGN/PCGN, ICAO Doc 9303 part 3 and the German and French usage for Cyrillic; the
Georgian national systems of 1999 and 2002 and ISO 9984; ELOT 743 and passports for Greek; BGN/PCGN and French usage for
Arabic; Hanyu Pinyin and Wade-Giles for Chinese surnames. s and z are one sign, since German and Portuguese write one
for the other. What it does not do: ch for kh as German writes it (Sacharow), z for ts (Zereteli), Gamal for Jamal,
Cantonese or Korean readings beyond the surnames listed.
"""

import re
from typing import Final

from linkage_core.standardise.text import listed

WADE_GILES: Final = dict(
    entry.split("=")
    for entry in listed(
        "bai=pai|bao=pao|bi=pi|cai=tsai|cao=tsao|cen=tsen|cui=tsui|dai=tai|deng=teng|ding=ting|dong=tung|dou=tou|du=tu|"
        "duan=tuan|gan=kan|gao=kao|ge=ko|geng=keng|gong=kung|gu=ku|guan=kuan|guo=kuo|he=ho|hong=hung|jia=chia|"
        "jian=chien|jiang=chiang|jiao=chiao|jin=chin|kong=kung|long=lung|qi=chi|qian=chien|qiao=chiao|qin=chin|"
        "qiu=chiu|qu=chu|rao=jao|ren=jen|rong=jung|ruan=juan|shi=shih|si=ssu|song=sung|tian=tien|xi=hsi|xia=hsia|"
        "xian=hsien|xiang=hsiang|xiao=hsiao|xie=hsieh|xing=hsing|xiong=hsiung|xu=hsu|hsuh=hsu|yan=yen|ye=yeh|"
        "zeng=tseng|zhai=chai|zhan=chan|zhang=chang|zhao=chao|zheng=cheng|zhong=chung|zhou=chou|zhu=chu|"
        "zhuang=chuang|zou=tsou|chow=chou|cheung=chang|lee=li"
    )
)
"""Surnames in Hanyu Pinyin and the same in Wade-Giles as it is written, without apostrophes: the coarser of the two."""

SOUNDS: Final[tuple[tuple[str, str], ...]] = (
    # Arabic: servant of, with the article or without; a final h that is no sound; French spellings
    (r"^abd[aeiou]{0,2}l?(?=.)", "abd"),
    (r"(?<=[aeiou])h$", ""),
    (r"aou", "au"),
    (r"ou?a", "va"),
    (r"ua", "va"),
    # Greek: mp is b, initial nt is d, gk and gg are g, gi between vowels is y; af, av, au and ef, ev, eu before
    # consonants; names that start with chi
    (r"mp|mb", "b"),
    (r"^nt", "d"),
    (r"gk|ng|gg", "g"),
    (r"(?<=[aeiou])gi(?=[aou])", "i"),
    (r"(?<=[ae])[uf](?=[bcdfgklmnprstvwxz])", "v"),
    (r"^(?:ch|kh|h)a(?:tz|ts|dj|dzh|j|cz)i", "HaCi"),
    (r"^(?:ch|kh|h)ar([ae])l", r"Har\1l"),
    (r"^(?:ch|kh|h|k)r[iy]st", "krist"),
    # Sibilants and affricates: Cyrillic and Georgian in English, German, French, Polish letters or without their marks
    (r"s(?:ch)?tsch|shtsh|shtch|chtch|shch|szcz|sc(?=[eiy])", "S"),
    (r"dsch|dzh|dj", "j"),
    (r"tsch|tch|tsh|cz", "C"),
    (r"sch|sh|sz|zh|dz|ds(?=e)", "S"),
    (r"ts|tz", "C"),
    (r"ch(?=[lr])", "H"),
    (r"ch", "C"),
    (r"[sz]", "S"),
    # Breathed letters; final f is the v of -ov
    (r"^hS(?=i[aeu]|u)|^x(?=[iuyv])", "H"),
    (r"x", "kS"),
    (r"kh|gh", "H"),
    (r"ph", "f"),
    (r"f+$|[vw]h?", "v"),
    (r"([tdrbl])h", r"\1"),
    (r"[gh]", "H"),
    # k in all its letters; c is k except before e, i, y, v, the Slavic -ov, and at the end after i (the Serbian -ic)
    (r"qu(?=[ei])|ck|q", "k"),
    (r"c(?=[eiyv]|ova?$)|(?<=i)c$", "C"),
    (r"c", "k"),
)
"""Patterns and what replaces them, in this order. Capitals are sounds that are settled; no later pattern takes them."""

_chinese = WADE_GILES.keys() | set(WADE_GILES.values())
_sounds = [(re.compile(pattern), sound) for pattern, sound in SOUNDS]
_doubled = re.compile(r"(.)\1+")
_vowels = re.compile(r"[aeiouyj]+")


def skeleton(word: str) -> str:
    """Return the skeleton of one folded word: lower-case ASCII, empty for the empty word only.

    A Chinese surname of the list is its own skeleton, as Wade-Giles writes it: without vowels little would be left.
    """
    if word in _chinese:
        return WADE_GILES.get(word, word)
    for pattern, sound in _sounds:
        word = pattern.sub(sound, word)
    word = _doubled.sub(r"\1", word.lower())
    start = "a" if _vowels.match(word) else ""
    return start + _vowels.sub("", word)
