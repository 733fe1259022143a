"""The words of a report, alike in each language."""

import re
from pathlib import Path
from string import Formatter

from swiftci.evidence import report, verdict
from swiftci.evidence.words import WORDS


def test_all_languages_have_the_same_words() -> None:
    first, *others = WORDS.values()

    for words in others:
        assert words.keys() == first.keys()
        for key, text in words.items():
            assert fields(text) == fields(first[key])


def fields(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def test_no_word_is_left_empty() -> None:
    assert all(text.strip() for words in WORDS.values() for text in words.values())


def test_no_word_is_there_for_nothing() -> None:
    root = Path(report.__file__).parents[3]
    files = [*root.glob("templates/report*"), *root.glob("templates/report/*"), *root.glob("src/swiftci/evidence/*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in files if path.is_file() and "words_" not in path.name)
    made = {"said_", "source_", "curve_"} | set(verdict.EXITS)
    states = {"succeeded", "failed", "interrupted", "partial", "running"}
    unused = {
        word
        for word in WORDS["en"]
        if not re.search(rf"\b{word}\b", text) and word not in states and not word.startswith(tuple(made))
    }

    assert unused == set()


def test_every_verdict_and_state_has_a_word() -> None:
    for words in WORDS.values():
        assert {*verdict.EXITS, *(f"said_{word}" for word in (*verdict.EXITS, "running"))} <= words.keys()
        assert {"running", "succeeded", "failed", "interrupted"} <= words.keys()
