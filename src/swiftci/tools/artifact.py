"""The name of the artifact that holds a run's result."""

import re


def artifact(name: str, fingerprint: str) -> str:
    """The name that a result is kept and looked for under."""
    return f"swiftci-{name}-{fingerprint[:16]}"


def pattern(name: str) -> str:
    """What matches the names of a config's results, whatever they were made from."""
    return rf"swiftci-{re.escape(name)}-[0-9a-f]{{16}}"
