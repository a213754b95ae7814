"""Finding words in normalised text: what contains them, and what they may have been meant to be."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Text,
    and_,
    any_,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import array

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

    The search text has spaces around every name, and none inside. Words of three characters and more may
    be anywhere. Two make no trigram, so they must begin a name, and one letter must be a name; only one
    that stands for a whole syllable or more may begin one. Shorter words may also be anywhere together
    with the word before or behind, as in "get up". That is what a trigram index can look up.
    """
    found = (or_(*map(column.like, _patterns(words, place))) for place in range(len(words)))
    return and_(true(), *found)


def _patterns(words: Sequence[str], place: int) -> list[str]:
    """Return the patterns of which one has to fit for the word at this place."""
    word = words[place]
    if len(word) >= TRIGRAM:
        return [f"%{word}%"]
    says_little = len(word) == 1 and not _is_syllable(word)
    pairs = ("".join(words[max(place - 1, 0) : place + 1]), "".join(words[place : place + 2]))
    together = [f"%{pair}%" for pair in pairs if len(pair) >= TRIGRAM]
    return [f"% {word} %" if says_little else f"% {word}%", *together]


def _is_syllable(character: str) -> bool:
    # Chinese characters and Hangul syllables; letters, also those of Hangul and kana, come before.
    return ord(character) >= FIRST_SYLLABLE or 0x3400 <= ord(character) <= 0x9FFF


def holds_all(column: ColumnElement[str], words: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition of ``contains_all`` for the texts of photocards, answered by their indexes alone.

    Three Latin letters are a trigram themselves, so nothing that has it need be compared again: common
    words of three letters are parts of the most names. The patterns come from selects because the planner
    then takes each for rare. Knowing one that is in most texts, it would read the whole table.
    """
    return and_(true(), *(_holds(column, words, place) for place in range(len(words))))


def _holds(column: ColumnElement[str], words: Sequence[str], place: int) -> ColumnElement[bool]:
    word = words[place]
    # Beside other words it would be a comparison, and making the trigrams of a text costs 10 us.
    if len(words) == 1 and len(word) == TRIGRAM and word.isascii():
        return func.show_trgm(column).op("@>")(_unknown(array([word], type_=Text)))
    return or_(*(column.like(_unknown(literal(pattern, Text))) for pattern in _patterns(words, place)))


def whole_words(column: ColumnElement[str], words: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that all words stand in a search text as they are, not as part of longer ones."""
    return func.string_to_array(column, literal_column("' '")).op("@>")(_unknown(array(words, type_=Text)))


def _unknown(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a value that is found out only when the statement runs."""
    return cast(select(value).scalar_subquery(), value.type)


def may_be_misspelt(words: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that one of the words is no name in the catalogue."""
    return or_(*(~_is_name(word) for word in words))


def _is_name(word: str) -> ColumnElement[bool]:
    name = catalog_aliases.alias("name")
    return select(name.c.id).where(name.c.norm == word).exists()


def nearly_all(column: ColumnElement[str], words: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that each word, or one of the names most similar to it, is in a search text.

    A word that is a name itself was meant as it is.
    """
    found = (column.like(any_(_spellings(words, place))) for place in range(len(words)))
    return and_(true(), *found)


def _spellings(words: Sequence[str], place: int) -> ColumnElement[Any]:
    """Return the patterns of a word and of the few names it shares the most trigrams with."""
    word, norm = words[place], catalog_aliases.c.norm
    names = (
        select(norm)
        .where(norm.op("%")(word), func.length(norm) >= TRIGRAM, ~_is_name(word))
        .group_by(norm)
        .order_by(func.similarity(norm, word).desc(), norm)
        .limit(literal_column(str(NEAREST_MAX)))
        .subquery()
    )
    similar = select(func.array_agg("%" + names.c.norm + "%", type_=ARRAY(Text))).scalar_subquery()
    return func.array_cat(similar, cast(_patterns(words, place), ARRAY(Text)), type_=ARRAY(Text))
