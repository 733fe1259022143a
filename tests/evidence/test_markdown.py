"""Text that wants to be more than text, as GitHub's own parser reads it."""

import html as entities
import re

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import given
from hypothesis import strategies as st

from swiftci.evidence.markdown import address, inert, tagged

HOSTILE = [
    "a|b",
    "a\nb\n\n# c",
    "a\r\n---\r\nb",
    "[x](http://evil.example)",
    "![x](http://evil.example/p.png)",
    "<img src=x onerror=alert(1)>",
    "<!-- swiftci tiny -->",
    "-->",
    "</details><script>",
    "```\ncode",
    "`a`",
    "*a* _b_ ~~c~~ **d**",
    "https://evil.example/x?y=1",
    "HTTP://EVIL.EXAMPLE",
    "www.evil.example",
    "ftp://evil.example",
    "mailto:a@evil.example",
    "a@evil.example",
    "@team/everyone @ann",
    "#1 team/models#2 GH-3",
    "${{ secrets.TOKEN }}",
    "$x^2$ $`x`$ $$y$$",
    "&lt;b&gt; &#35;1",
    "a\\",
    "\\|",
    "[ ] todo",
    "[^1]",
    "\u202eabc\u200b\x1b[2J\x00",
    "题目：请回答|“甲”",
]


def shown(markdown: str) -> str:
    """HTML as GitHub's parser makes it, raw HTML included."""
    return str(
        cmarkgfm.github_flavored_markdown_to_html(
            markdown, options=Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES
        )
    )


def plain(html: str) -> str:
    """The text that a reader sees, without gaps of no width."""
    return entities.unescape(re.sub(r"<[^>]*>", "", html)).replace("\u200b", "")


def bare(html: str) -> str:
    """The text in which GitHub looks for what to link; a dollar sign by itself in a span is none to it."""
    return re.sub(r"<[^>]*>", "", html.replace("<span>$</span>", ""))


LINKED = re.compile(r"(?i)(https?|ftp|mailto|xmpp)://?|www\.|@\w|#\d|\bGH-\d|\$")
"""What GitHub links, or takes for mathematics, in the text that the parser has made."""


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("around", ["- ❌ {}", "| a | b |\n|---|---:|\n| {} | 1 |", "### {}"])
def test_text_stays_text(text: str, around: str) -> None:
    html = shown(around.format(inert(text)))
    tags = set(re.findall(r"</?(\w+)", html))

    assert tags <= {"ul", "li", "table", "thead", "tbody", "tr", "th", "td", "h3", "span"}
    assert html.count("<td") in (0, 2)
    assert html.count("<li") in (0, 1)
    assert not LINKED.search(bare(html))


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_a_summary_stays_text(text: str) -> None:
    html = shown(f"<details><summary>{tagged(text)}</summary>\n\nx\n\n</details>")

    tags = [name for name in re.findall(r"</?(\w+)", html) if name != "span"]
    assert tags == ["details", "summary", "summary", "p", "p", "details"]
    assert not LINKED.search(bare(html))


@given(st.text(max_size=80))
def test_what_is_seen_is_what_was_written(text: str) -> None:
    html = shown(f"| a | b |\n|---|---:|\n| {inert(text)} | 1 |")
    cell = re.search(r"<td>(.*)</td>\n<td", html)
    seen = "".join(c for c in " ".join(text.split()) if c.isprintable() and c != "\u200b")

    assert html.count("<td") == 2
    assert cell is not None or not seen.strip()
    if cell and text.isascii() and text.isprintable():
        assert plain(cell[1]).split() == seen.split()


def test_long_text_is_cut() -> None:
    assert inert("x" * 1000, 50) == "x" * 50 + "…"
    assert len(inert("|" * 100_000)) < 1000


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "https://a/ b", "https://a/)x", "https://a/>", "//a", "", None, "ftp://a"]
)
def test_address_that_could_do_harm_is_left_out(text: str | None) -> None:
    assert address(text) == ""


def test_address_of_a_run_is_shown() -> None:
    assert address("https://github.com/team/models/actions/runs/1#x") != ""
