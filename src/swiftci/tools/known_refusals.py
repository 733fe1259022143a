"""How hubs and endpoints refuse, or are not reached; see known_failures."""

from swiftci.tools.known_failures import Known

_HUB = "is a model or data set looked for on a hub that ought to be local? Then its path is wrong; else see `hub:`"

REFUSALS = (
    Known(
        r"OfflineModeIsEnabled|outgoing traffic has been disabled|offline mode is enabled|HF_HUB_OFFLINE",
        "network",
        "HF_HUB_OFFLINE forbids the hub: {said}",
        "is it not in the cache? Run `swiftci run` once without HF_HUB_OFFLINE, or give a path that exists",
        transient=False,
    ),
    Known(
        r"GatedRepo|gated repo|(?:HTTPError|HfHubHTTPError|HTTPStatusError).*\b(?:401|403)\b",
        "user",
        "the hub refuses: {said}",
        "is the token there (`secrets.hub`), and were the model's terms accepted with it?",
    ),
    Known(
        r"HfHubHTTPError.*\b404\b|RepositoryNotFound|RevisionNotFound|EntryNotFoundError: 404|DatasetNotFoundError"
        r"|NotExistError|is not a local folder and is not a valid model identifier",
        "user",
        "the hub does not have it: {said}",
        "is the name misspelt, a local path wrong, or the repository private?",
    ),
    Known(
        r"HfHubHTTPError.*\b429\b|HTTPError: 429",
        "network",
        "the hub is asked too often: {said}",
        "with a token (`secrets.hub`) it allows more",
    ),
    Known(
        r"openai\.(?:AuthenticationError|PermissionDeniedError): (Error code: .*)",
        "user",
        "the endpoint refuses: {0}",
        "see `secrets.endpoint`",
    ),
    Known(
        r"openai\.NotFoundError: (Error code: .*)",
        "user",
        "the endpoint does not know the model, or the address: {0}",
        "see the name and the url of what is evaluated",
    ),
    Known(
        r"openai\.(?:BadRequestError|UnprocessableEntityError): (Error code: .*)",
        "user",
        "the endpoint refuses what EvalScope asks: {0}",
        "see evaluate.args.generation_config, and the endpoint's own log",
    ),
    Known(
        r"openai\.RateLimitError: (.*)",
        "network",
        "the endpoint is asked too often: {0}",
        "lower evaluate.args.eval_batch_size",
    ),
    Known(
        r"openai\.\w+: (Error code: (?:408|409|502|503|504)\b.*)",
        "network",
        "the endpoint has no answer now: {0}",
        "the endpoint's own log says why",
    ),
    Known(
        r"openai\.APITimeoutError: (.*)",
        "network",
        "the endpoint did not answer in time: {0}",
        "raise evaluate.args.generation_config.timeout, or lower eval_batch_size",
    ),
    Known(
        r"openai\.APIConnectionError: (.*)",
        "network",
        "the endpoint was not reached: {0}",
        "does something answer at the url, from this machine?",
    ),
    Known(
        r"openai\.\w+: (Error code: .*)",
        "tool",
        "the endpoint answered with an error: {0}",
        "the endpoint's own log says why",
    ),
    Known(
        r"EmptyCompletionError|No valid chat completion chunks",
        "tool",
        "the endpoint gave no answer that EvalScope can read: {said}",
        "is the url that of an OpenAI-compatible API, with /v1 at its end?",
    ),
    Known(r"ProxyError|Unable to connect to proxy", "network", "the proxy was not reached: {said}", "see HTTPS_PROXY"),
    Known(
        r"NetworkError|APIConnectionError|ConnectionError|ConnectError|ReadTimeout|ConnectTimeout|LocalEntryNotFoundError"
        r"|_DownloadDeadlineError|Max retries|HfHubHTTPError|RemoteProtocolError|RemoteDisconnected|IncompleteRead"
        r"|We couldn't connect to|Couldn't reach",
        "network",
        "the network failed: {said}",
        _HUB,
    ),
)
