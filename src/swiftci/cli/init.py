"""swiftci init"""

import os
from pathlib import Path

import click

from swiftci import __version__
from swiftci.config.project import FILE, HOME
from swiftci.spec.exit import Exit
from swiftci.spec.template import environment
from swiftci.store.files import write_text

FILES = {FILE: "init/swiftci.yaml.j2", "configs/example.yaml": "init/example.yaml.j2"}
IGNORED = ("/.swiftci/",)


@click.command()
@click.option(
    "--language", type=click.Choice(["en", "zh"]), help="Language of reports; that of your shell when absent."
)
def command(language: str | None) -> int:
    """Write a first project and config into the current folder; never overwrites."""
    root = Path.cwd()
    language = language or ("zh" if os.environ.get("LANG", "").startswith("zh") else "en")
    jinja = environment(html=False)
    for name, template in FILES.items():
        path = root / name
        if path.exists() or path.is_symlink():
            print(f"= {name}: is there already, left as it is")
            continue
        write_text(path, jinja.get_template(template).render(home=HOME, version=__version__, language=language))
        print(f"+ {name}")
    _ignore(root / ".gitignore")
    print("\nnext: edit configs/example.yaml, then")
    for line in ("check", "generate", "run configs/example.yaml"):
        print(f"  swiftci {line}")
    return Exit.DONE


def _ignore(path: Path) -> None:
    """Adds our lines to .gitignore, and nothing else."""
    before = path.read_bytes() if path.exists() else b""
    missing = [line for line in IGNORED if line.encode() not in before.splitlines()]
    if not missing:
        print("= .gitignore: has our lines already")
        return
    with path.open("ab") as file:
        file.write(b"\n" * (before[-1:] not in (b"", b"\n")) + "".join(f"{line}\n" for line in missing).encode())
    print(f"+ .gitignore: {', '.join(missing)}")
