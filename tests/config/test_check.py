"""`swiftci check` on small repositories: those in ok/ have nothing wrong, those in err/ say exactly expected.txt."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from swiftci.config.load import load_all, load_project
from swiftci.spec.problem import CODES, Problem
from tests.conftest import Golden, Repo, Swiftci

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src/swiftci"
OK = sorted(path.name for path in (HERE / "ok").iterdir())
ERR = sorted(path.name for path in (HERE / "err").iterdir())
ONLY_ON_DISK = {"path-missing", "data-empty", "data-format"}
"""What `generate` does not look at: models and data may be on the GPU machine only."""
PROJECT = "actions: swiftci/swiftci@v1\n"
CONFIG = "name: a\ntrain: {args: {model: owner/model, dataset: owner/data}}\n"


def codes(text: str) -> set[str]:
    return set(re.findall(r"(?:error|notice)\[([a-z-]+)\]", text))


@pytest.mark.parametrize("case", OK)
def test_case_that_is_right_passes(
    case: str, swiftci: Swiftci, monkeypatch: pytest.MonkeyPatch, golden: Golden
) -> None:
    monkeypatch.chdir(HERE / "ok" / case)

    done = swiftci("check")

    assert done.code == 0
    assert done.err == ""
    assert "error[" not in done.out
    expected = HERE / "ok" / case / "expected.txt"
    if expected.exists() or "notice[" in done.out:
        golden(expected, done.out)
    else:
        assert re.fullmatch(r"ok: [1-9]\d* configs?\n", done.out)


@pytest.mark.parametrize("case", sorted(path.parent.name for path in HERE.glob("ok/*/resolved.json")))
def test_case_resolves_to_what_stands_in_its_resolved_json(case: str, golden: Golden) -> None:
    root = HERE / "ok" / case
    problems: list[Problem] = []
    project = load_project(root, problems)
    assert project
    configs = load_all(root, project, problems)

    resolved = {"project": asdict(project), **{one.path: asdict(one.config) for one in configs}}

    golden(root / "resolved.json", json.dumps(resolved, ensure_ascii=False, indent=1) + "\n")


@pytest.mark.parametrize("case", ERR)
def test_case_that_is_wrong_says_exactly_this(
    case: str, swiftci: Swiftci, monkeypatch: pytest.MonkeyPatch, golden: Golden
) -> None:
    monkeypatch.chdir(HERE / "err" / case)

    done = swiftci("check")

    golden(HERE / "err" / case / "expected.txt", done.out)
    assert done.code == 2
    assert done.err == ""


@pytest.mark.parametrize("case", ERR)
def test_nothing_is_generated_from_a_case_that_is_wrong(
    case: str, swiftci: Swiftci, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(HERE / "err" / case)

    done = swiftci("generate", "--output", str(tmp_path))

    if codes((HERE / "err" / case / "expected.txt").read_text()) <= ONLY_ON_DISK:
        assert done.code == 0
    else:
        assert done.code == 2
        assert list(tmp_path.iterdir()) == []


def test_every_code_that_check_can_give_has_a_case() -> None:
    sources = [*(SOURCE / "config").glob("*.py"), SOURCE / "plan/check.py", SOURCE / "tools/data_file.py"]
    text = "".join(path.read_text() for path in sources)
    built = {"too-large", "not-text"}  # their files are made below, since git would mangle them
    asked = {code for code in CODES if f'"{code}"' in text} - {"usage"}  # only `--set` gives it

    found = built.union(*(codes(path.read_text()) for path in HERE.glob("*/*/expected.txt")))

    assert asked - found == set()
    assert found <= set(CODES)


BYTES = {
    "nul": (CONFIG.encode() + b"# \0\n", "configs/a.yaml:3:3: error[bad-character]: YAML allows no character U+0000"),
    "bell": (CONFIG.encode() + b"# \a\n", "configs/a.yaml:3:3: error[bad-character]: YAML allows no character U+0007"),
    "delete": (CONFIG.encode() + b"x\x7f", "configs/a.yaml:3:2: error[bad-character]: YAML allows no character U+007F"),
    "c1": ("# \x9f".encode(), "configs/a.yaml:1:3: error[bad-character]: YAML allows no character U+009F"),
    "no character": ("é\ufffe".encode(), "configs/a.yaml:1:2: error[bad-character]: YAML allows no character U+FFFE"),
    "latin-1": (CONFIG.encode() + b"# \xe9\n", "configs/a.yaml:3:3: error[not-text]: byte 0xe9 is not UTF-8 text"),
    "gbk": ("name: 中文".encode("gbk"), "configs/a.yaml:1:7: error[not-text]: byte 0xd6 is not UTF-8 text"),
    "surrogate": (b"name: \xed\xa0\x80", "configs/a.yaml:1:7: error[not-text]: byte 0xed is not UTF-8 text"),
    "utf-16": (CONFIG.encode("utf-16"), "configs/a.yaml:1:1: error[not-text]: is UTF-16 text"),
    "utf-16 be": (b"\xfe\xff" + CONFIG.encode("utf-16-be"), "configs/a.yaml:1:1: error[not-text]: is UTF-16 text"),
    "utf-16, no mark": (
        CONFIG.encode("utf-16-le"),
        "configs/a.yaml:1:2: error[bad-character]: YAML allows no character U+0000",
    ),
    "picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "configs/a.yaml:1:1: error[not-text]: is a binary file"),
    "too large": (
        b"#" * 1_000_001,
        "configs/a.yaml:1:1: error[too-large]: 1,000,001 bytes; a config has at most 1,000,000",
    ),
}


@pytest.mark.parametrize("case", BYTES)
@pytest.mark.parametrize("file", ["configs/a.yaml", "swiftci.yaml", "configs/sft.yml"])
def test_bytes_that_are_no_text(case: str, file: str, repo: Repo) -> None:
    data, expected = BYTES[case]
    including = CONFIG.replace("args:", "from: sft.yml, args:")
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": including, "configs/sft.yml": "seed: 1\n", file: data})

    done = repo.swiftci("check")

    assert done.out.startswith(expected.replace("configs/a.yaml", file) + "\n")
    assert done.out.endswith("\n1 problem\n")
    assert done.code == 2


def test_a_file_of_the_largest_size_is_read(repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG + "#" * (1_000_000 - len(CONFIG))})

    assert repo.swiftci("check").code == 0


@pytest.mark.parametrize(
    "pattern", ["/etc/*.yaml", "../*.yaml", "configs/../../*.yaml", "a**", "configs/**.yaml", ".", "./", "", "a\0b"]
)
def test_pattern_that_names_no_files_of_the_repository(pattern: str, repo: Repo) -> None:
    repo.write({"swiftci.yaml": f"{PROJECT}configs: {json.dumps(pattern)}\n", "configs/a.yaml": CONFIG})

    done = repo.swiftci("check")

    assert done.code == 2
    assert "swiftci.yaml:2:10: error[" in done.out


@pytest.mark.parametrize("name", [b"a\xff.yaml", b"a\n: b.yaml", b"\x1b[31m.yaml", "\u2028.yaml".encode()])
def test_file_name_that_no_workflow_can_name(name: bytes, repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/" + name.decode(errors="surrogateescape"): CONFIG})

    done = repo.swiftci("check")

    assert done.code == 2
    assert "error[bad-character]: a config's path holds the character U+" in done.out
    assert done.out.replace("\n", "").isprintable()


def test_without_a_project_the_way_to_one_is_shown(repo: Repo) -> None:
    done = repo.swiftci("check")

    assert done.code == 2
    assert done.out == (
        f"swiftci: error[no-config]: no swiftci.yaml in {repo.root} or above it\n"
        "  hint: `swiftci init` writes one\n1 problem\n"
    )


def test_project_is_found_from_a_folder_inside(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG.replace("dataset: owner/data", "dataset: 5")})
    monkeypatch.chdir(repo.root / "configs")

    assert repo.swiftci("check", "a.yaml").out == "ok: 1 config\n"
    assert repo.swiftci("check", "none.yaml").out.startswith("configs/none.yaml:1:1: error[unreadable]")


def test_only_what_is_named_is_checked(repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG, "configs/b.yaml": "nmae: b\n"})

    done = repo.swiftci("check", "configs/a.yaml", "./configs/../configs/a.yaml")

    assert done.out == "ok: 1 config\n"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("configs", "configs:1:1: error[unreadable]: is not a file\n"),
        ("x.yaml", "x.yaml:1:1: error[unreadable]: is not a file\n"),
        ("none.yaml", "none.yaml:1:1: error[unreadable]: cannot be read: No such file or directory\n"),
        ("", ".:1:1: error[unreadable]: is not a file\n"),
    ],
)
def test_named_config_that_is_no_file(path: str, message: str, repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG, "x.yaml/y": ""})

    done = repo.swiftci("check", path)

    assert done.out == message + "1 problem\n"
    assert done.code == 2


def test_json_has_every_field(repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG.replace("name", "nmae")})

    done = repo.swiftci("check", "--format", "json")

    assert done.code == 2
    assert json.loads(done.out) == [
        {
            "code": "unknown-key",
            "severity": "error",
            "message": 'unknown key "nmae" in the file',
            "hint": 'did you mean "name"?',
            "file": "configs/a.yaml",
            "line": 1,
            "column": 1,
        },
        {
            "code": "missing-key",
            "severity": "error",
            "message": '"name" is missing in the file',
            "hint": "Name of the model's runs: letters, digits, - and _.",
            "file": "configs/a.yaml",
            "line": 1,
            "column": 1,
        },
    ]


def test_json_of_no_problem_is_an_empty_list(repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG})

    assert json.loads(repo.swiftci("check", "--format", "json").out) == []


def test_annotations_on_a_runner(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG + "'100%, a::b': x\n"})
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    done = repo.swiftci("check")

    assert done.code == 2
    assert done.out == (
        "::error file=configs/a.yaml,line=3,col=1,title=swiftci%3A unknown-key::"
        'unknown key "100%25, a::b" in the file%0Apossible here: name, on, train, evaluate, gate, limits\n1 problem\n'
    )
