"""The messengers on the loopback: one server that answers as each service's documentation says, errors included.

Signatures are checked by the program openssl and the documented formula, with nothing of swiftci's own.
"""

import base64
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKENS = {
    "dingtalk": "566cc69da782ec33e1b3b6c0e1a1c5b1",
    "wecom": "693a91f6-7abc-4bc4-97a0-0ec2sifa5aaa",
    "feishu": "f1e2d3c4-0000-4abc-9def-001122334455",
    "lark": "a9b8c7d6-1111-4abc-9def-554433221100",
    "slack": "T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
}
SIGNS = {
    "dingtalk": "SECa1b2c3d4e5f60718293a4b5c6d7e8f90",
    "feishu": "GhcYs7Xn2kYgdbbCzpFUFh",
    "lark": "ZuvYs8Kn1kYgddbCzpFUAb",
    "webhook": "correct horse/battery+staple",
}
HOOK = "/open-apis/bot/v2/hook/"
PATHS = {
    "/robot/send": "dingtalk",
    "/cgi-bin/webhook/send": "wecom",
    f"{HOOK}{TOKENS['feishu']}": "feishu",
    f"{HOOK}{TOKENS['lark']}": "lark",
    f"/services/{TOKENS['slack']}": "slack",
    "/hooks/swiftci-9f8e7d6c": "webhook",
}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An HTTP answer."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body, ensure_ascii=False).encode()


@dataclass(frozen=True, kw_only=True)
class Request:
    """What came in."""

    service: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)


@dataclass
class Messengers:
    """The running server. `first` are answers that are given before the right ones begin; `signed` are services
    that ask for a signature, `seconds` what it waits before each byte.
    """

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    first: list[Reply] = field(default_factory=list)
    signed: set[str] = field(default_factory=set)
    seconds: float = 0.0

    def answer(self, request: Request) -> Reply:
        if self.first:
            return self.first.pop(0)
        if "json" not in request.headers.get("content-type", ""):
            return Reply(body={"errcode": 43004, "errmsg": "无效的HTTP HEADER Content-Type"})
        return _ANSWERS[request.service](request, request.service in self.signed)


def hmac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 by openssl."""
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}", "-binary"]
    return subprocess.run(command, input=message, capture_output=True, check=True).stdout


def _dingtalk(request: Request, signed: bool) -> Reply:
    """https://open.dingtalk.com/document/orgapp/custom-robot-access and …/customize-robot-security-settings."""

    def error(code: int, words: str) -> Reply:
        return Reply(body={"errcode": code, "errmsg": words})

    if request.query.get("access_token") != TOKENS["dingtalk"]:
        return error(300005, "token is not exist")
    if signed:
        stamp = request.query.get("timestamp", "0")
        if abs(time.time() * 1000 - int(stamp)) > 3_600_000:
            return error(310000, "invalid timestamp")
        key = SIGNS["dingtalk"].encode()
        if request.query.get("sign") != base64.b64encode(hmac(key, stamp.encode() + b"\n" + key)).decode():
            return error(310000, "sign not match")
    if len(request.body) > 20_000:
        return error(460101, "message too long, exceed 20000 bytes")
    markdown = request.data.get("markdown", {})
    if request.data.get("msgtype") != "markdown" or not markdown.get("title") or not markdown.get("text"):
        return error(40035, "缺少参数 json")
    if request.data.get("at", {}).get("isAtAll") or "swiftci" not in markdown["text"]:
        return error(310000, "keywords not in content")
    return error(0, "ok")


def _wecom(request: Request, _: bool) -> Reply:
    """https://developer.work.weixin.qq.com/document/path/91770 (robots) and …/path/90313 (codes of all interfaces)."""

    def error(code: int, words: str) -> Reply:
        return Reply(body={"errcode": code, "errmsg": words})

    if request.query.get("key") != TOKENS["wecom"]:
        return error(93000, "invalid webhook url, hint: [1700000000_1], from ip: 127.0.0.1")
    if b"\\u" in request.body:
        return error(40033, "不合法的请求字符，不能包含\\uxxxx格式的字符")
    if request.data.get("msgtype") != "markdown":
        return error(40008, "invalid message type")
    if len(request.data["markdown"]["content"].encode()) > 4_096:
        return error(40058, "markdown.content exceed max length 4096. invalid Request Parameter")
    return error(0, "ok")


def _feishu(request: Request, signed: bool) -> Reply:
    """https://open.feishu.cn/document/ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN; Lark: …larksuite.com/…/bot-v3/add-bot."""
    data = request.data
    if len(request.body) > 20 * 1024:
        return Reply(status=400, body={"code": 9499, "msg": "Bad Request", "data": {}})
    if signed:
        stamp, secret = str(data.get("timestamp", "0")), SIGNS[request.service]
        fresh = abs(time.time() - int(stamp)) <= 3_600
        if not fresh or data.get("sign") != base64.b64encode(hmac(f"{stamp}\n{secret}".encode(), b"")).decode():
            words = "sign match fail or timestamp is not within one hour from current time"
            return Reply(body={"code": 19021, "msg": words})
    if data.get("msg_type") != "interactive" or data["card"]["header"]["title"]["tag"] != "plain_text":
        return Reply(status=400, body={"code": 9499, "msg": "Bad Request", "data": {}})
    done = {"code": 0, "msg": "success", "data": {}}
    return Reply(body={"StatusCode": 0, "StatusMessage": "success", **done})


def _slack(request: Request, _: bool) -> Reply:
    """docs.slack.dev/messaging/sending-messages-using-incoming-webhooks; …/reference/block-kit/blocks/section-block."""
    data = request.data
    if not data.get("text"):
        return Reply(status=400, body="no_text")
    if any(not 1 <= len(block["text"]["text"]) <= 3_000 for block in data["blocks"]) or len(data["blocks"]) > 50:
        return Reply(status=400, body="invalid_blocks")
    return Reply(body="ok")


def _webhook(request: Request, signed: bool) -> Reply:
    """As GitHub's: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries."""
    expected = "sha256=" + hmac(SIGNS["webhook"].encode(), request.body).hex()
    if signed and request.headers.get("x-swiftci-signature-256") != expected:
        return Reply(status=401, body="")
    return Reply(status=204, body="")


_ANSWERS = {
    "dingtalk": _dingtalk,
    "wecom": _wecom,
    "feishu": _feishu,
    "lark": _feishu,
    "slack": _slack,
    "webhook": _webhook,
}
_UNKNOWN = {
    HOOK: Reply(body={"code": 19001, "msg": "param invalid: incoming webhook access token invalid", "data": {}}),
    "/services/": Reply(status=404, body="no_service"),
}


@contextmanager
def messengers() -> Iterator[Messengers]:
    """Serves while inside; an absolute path is a proxy's, and answered likewise."""
    found = Messengers()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            service = PATHS.get(parts.path, "")
            request = Request(
                service=service,
                path=self.path,
                query={key: values[0] for key, values in parse_qs(parts.query).items()},
                headers={key.lower(): value for key, value in self.headers.items()},
                body=self.rfile.read(int(self.headers["Content-Length"])),
            )
            found.requests.append(request)
            unknown = next(
                (one for path, one in _UNKNOWN.items() if parts.path.startswith(path)), Reply(body="", status=404)
            )
            self.reply(found.answer(request) if service or found.first else unknown)

        def reply(self, reply: Reply) -> None:
            self.slow()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.data)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            pieces = [reply.data[i : i + 1] for i in range(len(reply.data))] if found.seconds else [reply.data]
            for piece in pieces:
                self.slow()
                self.wfile.write(piece)
                self.wfile.flush()

        def slow(self) -> None:
            if found.seconds:
                time.sleep(found.seconds)

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            with suppress(OSError):  # the client had enough
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
