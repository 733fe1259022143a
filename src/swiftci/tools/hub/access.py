"""How a hub is reached: its address, or a mirror's, and a token."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from swiftci.config.project import Project
from swiftci.spec.error import ToolError
from swiftci.tools.hub.reference import Hub

ENDPOINT = {"modelscope": "https://modelscope.cn", "huggingface": "https://huggingface.co"}
ENDPOINT_VARIABLE = {"modelscope": "MODELSCOPE_ENDPOINT", "huggingface": "HF_ENDPOINT"}
TOKEN_VARIABLES = {
    "modelscope": ("MODELSCOPE_API_TOKEN",),
    "huggingface": ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
}
"""The variables of the hubs' own clients (modelscope_hub, huggingface_hub 1.33)."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """Where a hub is, and who asks; `variable` is where the token came from, or should."""

    hub: Hub
    endpoint: str
    variable: str
    token: str | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """The address for people, without a user and password that a variable may hold."""
        scheme, _, rest = self.endpoint.partition("://")
        host, slash, path = rest.partition("/")
        return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def access(hub: Hub, project: Project, environ: Mapping[str, str]) -> Access:
    """The project's mirror, else the variable that the hub's own client reads, else the hub itself."""
    own = project.hub.endpoint if project.hub.name == hub else None
    endpoint = (own or environ.get(ENDPOINT_VARIABLE[hub], "").strip() or ENDPOINT[hub]).rstrip("/")
    if "://" not in endpoint:
        endpoint = f"https://{endpoint}"
    names = TOKEN_VARIABLES[hub]
    variable = next((name for name in names if environ.get(name, "").strip()), names[0])
    token = environ.get(variable, "").strip() or None
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        message = f"{variable} does not hold a token: it has characters that no token has"
        raise ToolError(message=message, kind="user", hint="copy the token anew, in one line and without quotes")
    return Access(hub=hub, endpoint=endpoint, variable=variable, token=token)
