"""The words of a report, in each language of the project."""

from swiftci.evidence import words_en, words_zh

WORDS = {"en": words_en.WORDS, "zh": words_zh.WORDS}
