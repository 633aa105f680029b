"""Native scripts into Latin letters, deterministically: anyascii's letters, mended where it spoils names.

Rules by script run before anyascii takes what is left, letter by letter:

    Cyrillic   Serbian, Ukrainian and Belarusian texts are told by letters that only they have, and follow their own
               official romanisations (Serbian Latin; resolution 55 of 2010); ъ is a in Bulgarian, no sound in Russian
    Greek      diphthongs and double consonants as ELOT 743 (ISO 843) writes them
    Arabic     the article becomes a word of its own, ʿayn and alif are heard at the start, waw and ya are vowels except
               before alif and at the start, vowel signs go: written and unwritten vowels give one spelling
    Chinese    surnames whose reading as a name is another than as a word

Short vowels of Arabic and Persian are not written and therefore not there (`skeleton` compares without). A Cyrillic
text without a letter that tells its language is read as Russian. Georgian is as anyascii has it: the national system of
2002 without apostrophes.
"""

import re
import unicodedata
from typing import Final

from anyascii import anyascii

SERBIAN: Final = {
    "ђ": "dj", "ј": "j", "љ": "lj", "њ": "nj", "ћ": "c", "џ": "dz", "ж": "z", "ч": "c", "ш": "s", "ц": "c", "х": "h",
}  # fmt: skip
"""Applied where one of the first six stands in a text without ѓ, ќ, ѕ (Macedonian); Serbian Latin without its marks."""

UKRAINIAN: Final = {"г": "h", "ґ": "g", "и": "y", "й": "i", "є": "ie", "ї": "i"}
"""Applied where і, ї, є or ґ stands in a text without ы, э, ъ, ё, ў."""

BELARUSIAN: Final = {"г": "h", "ґ": "g", "ў": "u"}
"""Applied where ў stands in a text, or і beside ы or э."""

GREEK: Final = {
    "ου": "ou", "γγ": "ng", "γξ": "nx", "γχ": "nch", "γκ": "gk", "μπ": "mp",
}  # fmt: skip
"""Letter groups of ELOT 743, taken without accents; αυ, ευ, ηυ are av, ev, iv before vowels and voiced consonants."""

ARABIC: Final = {
    "ا": "a", "أ": "a", "إ": "i", "آ": "a", "ٱ": "a", "ب": "b", "ت": "t", "ث": "th", "ج": "j", "ح": "h", "خ": "kh",
    "د": "d", "ذ": "dh", "ر": "r", "ز": "z", "س": "s", "ش": "sh", "ص": "s", "ض": "d", "ط": "t", "ظ": "z", "ع": "",
    "غ": "gh", "ف": "f", "ق": "q", "ك": "k", "ل": "l", "م": "m", "ن": "n", "ه": "h", "ة": "a", "و": "u", "ؤ": "u",
    "ي": "i", "ى": "a", "ئ": "i", "ء": "", "پ": "p", "چ": "ch", "ژ": "zh", "گ": "g", "ک": "k", "ی": "i",
}  # fmt: skip
"""Arabic and Persian letters inside a word."""

ARABIC_STARTS: Final = {"ع": "a", "و": "w", "ي": "y", "ی": "y"}
"""Letters that sound otherwise at the start of a word; و, ي and ی also before ا."""

BEFORE_H: Final = frozenset("drstkzg")
"""Consonants that would make one sound with a following h: سهيل is sahil, not shil. h ends a word as ah."""

NOT_THE_ARTICLE: Final = frozenset(
    {"الياس", "الیاس", "الهام", "الماس", "البير", "الكسندر", "الفريد", "الين", "اليزابيث"}
)
"""Words that start with alif and lam and have no article."""

CHINESE_SURNAMES: Final = {
    "曾": "zeng", "仇": "qiu", "解": "xie", "查": "zha", "单": "shan", "單": "shan", "区": "ou", "區": "ou", "盖": "ge",
    "蓋": "ge", "任": "ren", "翟": "zhai", "朴": "piao", "尉迟": "yuchi", "万俟": "moqi", "乐": "yue", "缪": "miao",
}  # fmt: skip
"""Readings of a text's first characters."""

_cyrillic = re.compile("[\u0400-\u04ff]")
_greek = re.compile("[\u0370-\u03ff\u1f00-\u1fff]")
_arabic_word = re.compile("[\u0600-\u06ff]+")
_unheard = re.compile("[\u0610-\u061a\u0640\u064b-\u065f\u0670]")
_silent_hard_sign = re.compile(r"ъ(?=[еёюяії]|\b)")
_voiced = re.compile("([αεη])υ(?=[βγδζλμνραειουηωϊϋ])")
_voiceless = re.compile("([αεη])υ")
_letter = {"α": "a", "ε": "e", "η": "i"}


def to_ascii(text: str) -> str:
    """Return a case-folded text of any scripts in ASCII; total, and the identity on ASCII."""
    if _cyrillic.search(text):
        text = _from_cyrillic(text)
    if _greek.search(text):
        text = _from_greek(text)
    text = _arabic_word.sub(_from_arabic, text)
    for surname, reading in CHINESE_SURNAMES.items():
        if text.startswith(surname):
            text = reading + text[len(surname) :]
    return anyascii(text).lower()


def _from_cyrillic(text: str) -> str:
    letters = set(text)
    if letters & set("ђјљњћџ") and not letters & set("ѓќѕ"):
        table = SERBIAN
    elif "ў" in letters or ("і" in letters and letters & set("ыэ")):
        table = BELARUSIAN
    elif letters & set("іїєґ") and not letters & set("ыэъё"):
        table = UKRAINIAN
        text = re.sub(r"\b[єї]", lambda match: {"є": "ye", "ї": "yi"}[match[0]], text)
    else:
        return _silent_hard_sign.sub("", text).replace("ъ", "a")
    return "".join([table.get(letter, letter) for letter in text])


def _from_greek(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    plain = re.sub("(?<=[\u0370-\u03ff])[\u0300-\u0307\u0309-\u036f]+", "", decomposed)
    plain = unicodedata.normalize("NFC", plain)
    for group, letters in GREEK.items():
        plain = plain.replace(group, letters)
    plain = _voiced.sub(lambda match: _letter[match[1]] + "v", plain)
    return _voiceless.sub(lambda match: _letter[match[1]] + "f", plain)


def _from_arabic(match: re.Match[str]) -> str:
    word = _unheard.sub("", match[0])
    if word.startswith("عبدال") and len(word) > len("عبدال"):
        return "abd " + _with_article(word[len("عبد") :])
    return _with_article(word)


def _with_article(word: str) -> str:
    if word == "الله":
        return "allah"
    if word.startswith("ال") and len(word) > len("ال") + 1 and word not in NOT_THE_ARTICLE:
        return "al " + _arabic_letters(word[2:])
    return _arabic_letters(word)


def _arabic_letters(word: str) -> str:
    written: list[str] = []
    for place, letter in enumerate(word):
        starts = place == 0 or (letter != "ع" and word[place + 1 : place + 2] in ("ا", "آ"))
        if letter in "هح" and place and (written[-1] in BEFORE_H or (letter == "ه" and place == len(word) - 1)):
            written.append("ah")
        elif starts and letter in ARABIC_STARTS:
            written.append(ARABIC_STARTS[letter])
        else:
            written.append(ARABIC.get(letter, letter))
    return "".join(written)
