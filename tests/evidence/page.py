"""What a page would load or run, and the text that a reader sees."""

import re
from html.parser import HTMLParser

TAGS = set(
    "html head meta title style body header nav section h1 h2 h3 h4 p b i small br a bdi code span ul li table thead "  # noqa: SIM905 -- a list
    "tbody tr th td pre div figure figcaption details summary dl dt dd del ins label select option input".split()
)
SVG = {"svg", "g", "path", "text", "rect", "defs", "clippath", "line"}
POLICY = "content=default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class Page(HTMLParser):
    """`rows` are the tables' cells, `places` the addresses within the page, `addresses` those outside of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []
        self.places: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.rows: list[list[str]] = []
        self._in_cell = False
        self._hidden = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._in_cell = True
        if tag == "style":
            self._hidden += 1
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id" and value:
                self.ids.append(value)
            if name in ("aria-label", "xmlns", "xmlns:xlink", "data-is"):
                continue  # spoken or shown, or a name and no address
            if name == "href" and value and value.startswith("#"):
                self.places.append(value[1:])
            elif name in ("href", "src") or (value and re.search(r"https?:|//|url\(|javascript:|data:", value)):
                self.addresses.append(f"{name}={value}")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False
        if tag == "style":
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        self.text += data
        if self._in_cell:
            self.rows[-1][-1] += data

    def row(self, first: str) -> list[str]:
        """The cells of the row that begins so, their inner space made even."""
        even = ([" ".join(cell.split()) for cell in row] for row in self.rows)
        return next(row for row in even if row and row[0] == first)


def harmless(text: str, *, links: tuple[str, ...] = ()) -> Page:
    """The page, which loads and runs nothing, and leads nowhere but to these links."""
    page = Page(text)
    assert page.tags <= TAGS | SVG
    assert not {name for name in page.attributes if name.startswith("on")}
    assert page.addresses == [POLICY, *(f"href={link}" for link in links)]
    assert set(page.places) <= set(page.ids)
    assert not re.search(r"@import|url\(", text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]", text)
    return page
