"""What went wrong between a hub and us, in a person's words: where it happened, and what to do."""

from swiftci.spec.error import ToolError
from swiftci.tools.hub.access import Access

_NAME = {"modelscope": "ModelScope", "huggingface": "Hugging Face"}


def refused(access: Access, what: str, status: int, code: str = "") -> ToolError:
    """The hub answered, and the answer is no; `code` is Hugging Face's own word for the reason."""
    hub = _NAME[access.hub]
    if status == 401 and access.token:
        message, hint = f"{hub} does not take the token in {access.variable}", "make a new one there, and set it anew"
    elif code == "GatedRepo" or status == 403:
        message = f"{hub} does not give this account {what}"
        hint = f"accept its terms at {access.shown} with the account whose token is in {access.variable}"
    elif status in (401, 404) and code != "RevisionNotFound" and not code.startswith("Entry"):
        message = f"{hub} has no {what}, or not for everybody"
        hint = "look for a typing mistake, and whether it is on this hub at all (`hub:` in swiftci.yaml)"
        hint += "; " + (
            f"the token in {access.variable} may be another account's"
            if access.token
            else f"a private or gated one needs a token in {access.variable}, and its name in `secrets.hub`"
        )
    elif status == 404:
        message, hint = f"{hub} has no {what}", "look for a typing mistake in the revision"
    else:
        return no_hub(access, what, f"answered {status}")
    return ToolError(message=f"{message} ({status} from {access.shown})", kind="user", hint=hint)


def no_revision(access: Access, what: str) -> ToolError:
    """ModelScope answers 200 and no list for a revision that it does not have."""
    message = f"{_NAME[access.hub]} lists no file for {what} ({access.shown})"
    return ToolError(message=message, kind="user", hint="the revision may be misspelt, or the repository empty")


def no_hub(access: Access, what: str, why: str) -> ToolError:
    """What answered is not a hub, or not the one that it should be."""
    message = f"{access.shown}, asked for {what}, {why}"
    hint = f"is that address a {_NAME[access.hub]} mirror? It is `hub.endpoint` in swiftci.yaml, or its variable"
    return ToolError(message=message, kind="network", hint=hint)


def network(access: Access, what: str, why: str, tries: int) -> ToolError:
    message = f"{what} could not be fetched: {access.shown} {why}, {tries} times"
    hint = "what was fetched is kept, so another run goes on from there; a mirror can be set as `hub.endpoint`"
    return ToolError(message=message, kind="network", hint=hint)


def differs(access: Access, what: str, why: str) -> ToolError:
    """A file came whole, twice, and is not the one that the hub lists."""
    hint = "a mirror or proxy may be at fault: try another `hub.endpoint`, or none"
    return ToolError(message=f"the hub's {what} is not what it says: {why} ({access.shown})", kind="data", hint=hint)
