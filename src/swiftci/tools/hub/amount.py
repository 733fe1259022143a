"""Bytes as people read them."""


def amount(size: float) -> str:
    """As in `512 bytes`, `3.4 MB`, `16.1 GB`; decimal units, as disks have them."""
    if size < 1000:
        return f"{size:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"
