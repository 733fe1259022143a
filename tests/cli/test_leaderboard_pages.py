"""The pages of `swiftci leaderboard`: what they say, link and hold, whatever the runs are called."""

import base64
import hashlib
import json
import shutil
import time
from pathlib import Path

import pytest

from tests.cli.boards import PROJECT, URL, Page, answers, files, fill, keep, pages, run
from tests.conftest import Golden, Repo

HERE = Path(__file__).parent / "leaderboard"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_read_as_their_golden_text(repo: Repo, records: Path, golden: Golden, language: str) -> None:
    repo.write({"swiftci.yaml": f"{PROJECT}language: {language}\n"})
    fill(records)

    done = repo.swiftci("leaderboard")

    assert (done.code, done.err) == (0, "")
    assert done.out == "site/index.html: 3 models, 2 benchmarks\n"
    text = "".join(
        f"== {path.relative_to(repo.root)}\n" + "".join(f"{one}\n" for one in page.texts)
        for path, page in pages(repo.root / "site")
    )
    golden(HERE / f"{language}.txt", text)
    golden(HERE / "leaderboard.json", repo.read("site/leaderboard.json"))


def test_links_lead_to_pages_that_are_there_and_nothing_is_fetched(repo: Repo, records: Path) -> None:
    fill(records)
    repo.swiftci("leaderboard")

    for path, page in pages(repo.root / "site"):
        for link in page.links:
            if link.startswith(("https://", "http://")):
                continue
            name, _, anchor = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            assert target.is_file(), link
            assert not anchor or anchor in Page(target.read_text()).ids
        assert set(page.tags) & {"img", "iframe", "link", "object", "form"} == set()
        assert not any(name.startswith("on") for name in page.attributes)
        assert "default-src 'none'" in path.read_text()


def test_only_the_page_that_compares_has_a_script_and_its_digest(repo: Repo, records: Path) -> None:
    fill(records)
    repo.swiftci("leaderboard")

    for path, page in pages(repo.root / "site"):
        text = path.read_text()
        if path.name != "compare.html":
            assert "script" not in page.tags
            assert "script-src" not in text
            continue
        script = text.rpartition("<script>")[2].partition("</script>")[0]
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"script-src 'sha256-{digest}'" in text
        data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
        assert [one["title"] for one in data["models"]] == ["large", "Qwen/Qwen3-8B", "small"]
        assert data["benchmarks"][0]["pairs"]["0-2"][2] == "better"
        assert data["benchmarks"][0]["pairs"]["2-0"][2] == "worse"


def test_same_runs_give_the_same_bytes(repo: Repo, records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(records)
    repo.swiftci("leaderboard")
    first = files(repo.root / "site")
    shutil.copytree(records / "records", repo.root / "other/records")
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        repo.swiftci("leaderboard", "other", "--to", "again")
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()

    assert files(repo.root / "again") == first


@pytest.mark.usefixtures("charts")
def test_charts_are_there_and_the_same_each_time(repo: Repo, records: Path) -> None:
    fill(records)
    repo.swiftci("leaderboard")
    first = files(repo.root / "site")
    repo.swiftci("leaderboard")

    assert files(repo.root / "site") == first
    assert repo.read("site/index.html").count("<svg") == 1  # of cmmlu there is one model
    [small] = [name for name in first if name.startswith("models/small")]
    assert first[small].count(b"<svg") == 2
    for _, page in pages(repo.root / "site"):
        assert "script" not in page.tags or page.tags.count("script") == 2


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "../../../etc/passwd",
    "</script><script>alert(1)</script>",
    "a" * 300,
    "CON",
    "{{ 7 * 7 }}",
    "${{ secrets.A }}",
    "名字\u202e\x1b[31m",
    ".",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_stay_texts(repo: Repo, records: Path, text: str) -> None:
    for number, name in enumerate(("plain", text)):
        items = answers(text, "accuracy", 40, 0.5)
        hostile = {"url": f"javascript:{text}", "commit": text, "run": text, "verdict": text}
        run(repo.root / f"runs/{number}", items, name=name, number=number, **(hostile if number else {}))
    run(repo.root / "runs/2", answers(text, "accuracy", 40, 0.5), name="hub", model=text, commit=text)

    done = repo.swiftci("leaderboard", "runs")

    assert done.code == 0, done.err
    assert "\x1b" not in done.out
    found = files(repo.root / "site")
    assert all(len(name) < 80 for name in found)
    assert {name.partition("/")[0] for name in found} == {"index.html", "compare.html", "leaderboard.json", "models"}
    assert (
        sorted(path.name for path in repo.root.iterdir())
        == [".swiftci", "runs", "site", "swiftci.yaml"][not records.exists() :]
    )
    for path, page in pages(repo.root / "site"):
        assert page.tags.count("script") == (2 if path.name == "compare.html" else 0)
        assert "img" not in page.tags
        assert not any(name.startswith("on") for name in page.attributes)
        assert not any(link.lower().startswith("javascript:") for link in page.links)


@pytest.mark.usefixtures("charts")
def test_hostile_names_stand_in_charts(repo: Repo, records: Path) -> None:
    for number, text in enumerate(["</svg><script>alert(1)</script>", "'];alert(1)//", '"+datum+"', "a\\", "名字"]):
        run(repo.root / f"runs/{number}", answers("ceval", "accuracy", 40, 0.5), name=text, number=number)

    repo.swiftci("leaderboard", "runs")

    page = Page(repo.read("site/index.html"))
    assert "svg" in page.tags
    assert "script" not in page.tags


def test_commits_and_runs_are_linked_where_they_are_on_the_web(repo: Repo, records: Path) -> None:
    keep(records, answers("ceval", "accuracy", 40, 0.5), name="a", number=1)

    repo.swiftci("leaderboard")

    page = Page(repo.read("site/index.html"))
    assert URL in page.links
    assert "https://github.com/team/models/commit/0000001" + "c" * 33 in page.links
