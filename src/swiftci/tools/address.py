"""Whether something answers at an address, asked before GPU time is spent on what needs it."""

from swiftci.spec.error import ToolError

_SECONDS = 10


def answers(url: str, key: str) -> None:
    """Raises ToolError where nothing speaks HTTP at an OpenAI-compatible API; any answer will do, a refusal too.

    `key` is what names the address in a config, such as `evaluate.endpoint.url`.
    """
    import http.client
    import urllib.error
    import urllib.request

    try:
        urllib.request.urlopen(f"{url.rstrip('/')}/models", timeout=_SECONDS).close()  # noqa: S310 -- the config's reader has seen to http
    except urllib.error.HTTPError:
        return  # it wants a key, or has no such list: it is there
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = getattr(error, "reason", None) or error
        hint = "see whether it runs, and whether this machine may reach it"
        raise ToolError(message=f"{key}: nothing answers at {url}: {why}", kind="network", hint=hint) from None
