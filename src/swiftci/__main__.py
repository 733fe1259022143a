"""Entry point; answers `--version` before anything heavy is imported."""

import sys


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        from swiftci import __version__

        print(f"swiftci {__version__}")
        return
    try:
        from swiftci.cli import main as cli

        cli()
    except KeyboardInterrupt:  # while modules are imported; later the command line says more
        sys.exit(130)


if __name__ == "__main__":
    main()
