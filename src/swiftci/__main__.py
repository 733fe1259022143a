"""Entry point; answers `--version` before anything heavy is imported."""

import sys


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        from swiftci import __version__

        print(f"swiftci {__version__}")
        return
    from swiftci.cli import main as cli

    cli()


if __name__ == "__main__":
    main()
