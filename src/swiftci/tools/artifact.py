"""The name of the artifact that holds a run's result."""


def artifact(name: str, fingerprint: str) -> str:
    """The name that a result is kept and looked for under."""
    return f"swiftci-{name}-{fingerprint[:16]}"
