"""Asks a hub whose token it is: that the hub can be reached, and takes the token, before anything depends on it."""

import json

from swiftci.spec.error import ToolError
from swiftci.spec.problem import printable
from swiftci.tools.hub import refusal
from swiftci.tools.hub.access import Access

_PATH = {"modelscope": "/openapi/v1/users/me", "huggingface": "/api/whoami-v2"}
"""What the hubs' own clients ask (modelscope_hub 0.5, huggingface_hub 1.33)."""
_NAMES = ("name", "username", "Name", "Username")


def account(access: Access, seconds: float) -> str | None:
    """The name of the token's account; None where there is no token, or what answers does not tell, as a mirror may.

    Raises ToolError where nothing answers within `seconds`, or the token is refused.
    """
    import httpx2

    headers = {"Authorization": f"Bearer {access.token}"} if access.token else {}
    if access.token and access.hub == "modelscope":
        headers["Cookie"] = f"m_session_id={access.token}"
    try:
        response = httpx2.get(access.endpoint + _PATH[access.hub], headers=headers, timeout=seconds)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise _unreachable(access, f"cannot be reached: {str(error)[:200] or type(error).__name__}") from None
    if response.status_code in (401, 403) and access.token:
        raise refusal.refused(access, "its own account", 401)
    if response.status_code >= 500 or response.status_code == 429:
        raise _unreachable(access, f"answered {response.status_code}")
    return _name(response.content) if response.status_code == 200 and access.token else None


def _unreachable(access: Access, why: str) -> ToolError:
    hint = "see whether this machine may reach it; a mirror can be set as `hub.endpoint` in swiftci.yaml"
    return ToolError(message=f"{access.shown} {printable(why)}", kind="network", hint=hint)


def _name(body: bytes) -> str | None:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    data = data.get("data", data.get("Data", data)) if isinstance(data, dict) else None
    found = next((data[key] for key in _NAMES if isinstance(data.get(key), str)), "") if isinstance(data, dict) else ""
    return printable(found[:60]) or None
