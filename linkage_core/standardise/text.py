"""Text folded to lower-case ASCII words: the ground under every other rule."""

import re
import unicodedata
from typing import Final

from linkage_core.standardise.transliteration import to_ascii

DROPPED: Final = "'`\""
"""Characters removed inside a word after transliteration: apostrophes, soft signs, ayn and hamza (o'neill = oneill)."""

_not_a_word = re.compile(r"[^a-z0-9]+")


def listed(table: str) -> tuple[str, ...]:
    """Return the entries of a rule table written as one text, entries separated by `|`."""
    return tuple(table.split("|"))


def fold(text: str) -> str:
    """Return the words of a text in lower-case ASCII letters and digits, separated by single spaces.

    NFKC, case folding, transliteration (deterministic, one spelling per script), apostrophes removed, every other sign
    a space. Idempotent and total: any Unicode string has a fold, the empty one if nothing readable is left.
    """
    if text.isascii():  # the steps below, of which most change nothing here
        folded = text.lower()
        if folded.isalnum():
            return folded
    else:
        folded = to_ascii(unicodedata.normalize("NFKC", text).casefold())
    for sign in DROPPED:
        folded = folded.replace(sign, "")
    return _not_a_word.sub(" ", folded).strip()
