"""GitHub's REST API through PyGithub (the `github` extra): what is read of a pull request, and written to it."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from swiftci import __version__
from swiftci.spec.problem import quoted
from swiftci.tools.github_api import NoAnswer, Refused
from swiftci.tools.github_event import at

if TYPE_CHECKING:  # half a second, and an extra
    from github import GithubException
    from github.GithubRetry import GithubRetry
    from github.Repository import Repository

ANSWER_SECONDS = 10
TRIES = 3
BACKOFF = 1.0
"""The first further try follows at once, the next after twice as many seconds."""
WAIT_MAX = 60.0
"""What a rate limit may ask for; a secondary one that names no time means a minute (docs.github.com)."""
PAUSES: tuple[float, float] | tuple[None, None] = (0.25, 1.0)
"""Seconds between requests, and between writes (docs.github.com, "Best practices for using the REST API")."""

_STUMBLES = (AssertionError, RuntimeError, ValueError, TypeError, LookupError, AttributeError)
"""What the library raises where something else than GitHub answers, such as a proxy, or the address is none."""


@contextmanager
def asked(environ: Mapping[str, str], token: str) -> Iterator["Repository"]:
    """The run's repository at `GITHUB_API_URL`; what goes wrong in the block becomes `NoAnswer` or `Refused`.

    Server errors and rate limits are the library's to try again; a write that was tried again may have been done twice.
    """
    if not re.fullmatch(r"[!-~]+", token):  # no header could carry it
        raise NoAnswer("there is no token to ask GitHub with")
    try:
        import github
        import requests
    except ImportError:
        raise NoAnswer("PyGithub is not installed beside swiftci (swiftci[github])") from None
    logging.getLogger("github").setLevel(logging.WARNING)  # what it says of each refusal, we say in our own words
    client = None
    try:
        client = github.Github(
            auth=github.Auth.Token(token),
            base_url=(environ.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/"),
            timeout=ANSWER_SECONDS,
            user_agent=f"swiftci/{__version__}",
            per_page=100,
            retry=_patient(),
            seconds_between_requests=PAUSES[0],
            seconds_between_writes=PAUSES[1],
            lazy=True,
            api_version="2022-11-28",
        )
        yield client.get_repo(environ.get("GITHUB_REPOSITORY", ""))
    except github.RateLimitExceededExceedsMaxWait as error:
        raise NoAnswer(f"GitHub's rate limit is reached, for {error.wait or 0:.0f} s more, which is too long") from None
    except github.GithubException as error:
        raise Refused(f"GitHub answers {error.status}{_said(error, token)}", error.status) from None
    except requests.RequestException as error:
        raise NoAnswer(f"GitHub cannot be asked: {type(error).__name__}") from None
    except (github.BadAttributeException, *_STUMBLES) as error:
        raise NoAnswer(f"GitHub sent something else than it should: {type(error).__name__}") from None
    finally:
        if client:
            client.close()


def _patient() -> "GithubRetry":
    """Tries again, writes too, but gives up where GitHub asks for more time than there is."""
    from github import RateLimitExceededExceedsMaxWait
    from github.GithubRetry import GithubRetry

    class Patient(GithubRetry):
        def get_retry_after(self, response: Any) -> float | None:
            seconds = super().get_retry_after(response)
            if seconds is not None and seconds > WAIT_MAX:
                raise RateLimitExceededExceedsMaxWait(response.status, None, {}, wait=seconds)
            return seconds

    return Patient(
        total=TRIES - 1,
        backoff_factor=BACKOFF,
        allowed_methods=None,
        raise_on_status=False,
        max_rate_limit_wait=WAIT_MAX,
    )


def _said(error: "GithubException", token: str) -> str:
    """What GitHub says to its refusal; the first detail of a 422 is what tells."""
    errors = at(error.data, "errors")
    texts = [at(error.data, "message"), at(errors[0], "message") if isinstance(errors, list) and errors else None]
    said = ": ".join(text for text in texts if isinstance(text, str) and text)
    return ", " + quoted(said.replace(token, "***"), 200) if said else ""
