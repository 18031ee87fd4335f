"""What tests read of pages: their tags, texts, parts and tables."""

import re
from html.parser import HTMLParser

_ALONE = {"meta", "link"}


class Page(HTMLParser):
    """What a page holds: its tags with their attributes, and its visible text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _ALONE:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data.strip())


def nasty(place: str) -> str:
    """A text that would run where it is not escaped, and that tells where it came from."""
    return f"<script>alert('{place}')</script>&\""


def section(page: str, title: str) -> str:
    """The part of a page under a heading."""
    return re.findall(rf"<h2[^>]*>{title}</h2>(.*?)(?=<h2|</body>)", page, re.DOTALL)[0]


def lines(part: str) -> list[str]:
    """The rows of its tables."""
    rows = re.findall("<tr[^>]*>(.*?)</tr>", part)
    return [re.sub("(<[^>]*>)+", "|", row).strip("|") for row in rows]


def assert_shown_and_never_run(page: str, places: list[str]) -> None:
    """The page shows the texts of all these places, escaped."""
    read = Page(page)
    assert "script" not in {tag for tag, _ in read.tags}
    assert "<script" not in page
    assert not read.open
    assert [p for p in places if f"&lt;script&gt;alert(&#x27;{p}&#x27;)" not in page] == []
