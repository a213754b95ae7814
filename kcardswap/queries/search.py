"""Finding words in normalised text: what contains them, and what they may have been meant to be."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Text,
    and_,
    any_,
    case,
    cast,
    func,
    literal,
    literal_column,
    select,
    true,
)

from kcardswap.domain.text import FIRST_SYLLABLE, normalise
from kcardswap.persistence.orm.catalog import catalog_aliases

WORDS_MAX = 8
TRIGRAM = 3
NEAREST_MAX = 5


def words_of(q: str) -> list[str]:
    """Return the words of a search, each once, as they are compared; words of signs alone are left out."""
    words = (normalise(word) for word in q.split())
    return list(dict.fromkeys(word for word in words if word is not None))[:WORDS_MAX]


def contains_all(column: ColumnElement[str], words: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that all words are in a search text, in any order.

    The search text has spaces around every word. Words of three characters and more may be anywhere. Two
    make no trigram, so they must begin a word, and one letter must be a word; only one that stands for a
    whole syllable or more may begin one. That is what a trigram index can look up.
    """
    return and_(true(), *(column.like(_pattern(word)) for word in words))


def _pattern(word: str) -> str:
    if len(word) >= TRIGRAM:
        return f"%{word}%"
    says_little = len(word) == 1 and not _is_syllable(word)
    return f"% {word} %" if says_little else f"% {word}%"


def _is_syllable(character: str) -> bool:
    # Chinese characters and Hangul syllables; letters, also those of Hangul and kana, come before.
    return ord(character) >= FIRST_SYLLABLE or 0x3400 <= ord(character) <= 0x9FFF


def whole_words(column: ColumnElement[str], words: Sequence[str]) -> ColumnElement[int]:
    """Return how many of the words stand in a search text as they are, not as part of longer ones."""
    whole: ColumnElement[int] = literal(0)
    for word in words:
        whole = whole + case((column.like(f"% {word} %"), 1), else_=0)
    return whole


def nearly_all(column: ColumnElement[str], words: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that each word, or one of the names most similar to it, is in a search text."""
    return and_(true(), *(column.like(any_(_spellings(word))) for word in words))


def _spellings(word: str) -> ColumnElement[Any]:
    """Return the patterns of a word and of the few names it shares the most trigrams with."""
    norm = catalog_aliases.c.norm
    names = (
        select(norm)
        .where(norm.op("%")(word), func.length(norm) >= TRIGRAM)
        .group_by(norm)
        .order_by(func.similarity(norm, word).desc(), norm)
        .limit(literal_column(str(NEAREST_MAX)))
        .subquery()
    )
    patterns = select(func.array_append(func.array_agg("%" + names.c.norm + "%"), _pattern(word)))
    return cast(patterns.scalar_subquery(), ARRAY(Text))
