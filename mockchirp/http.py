"""What both HTTP surfaces share: reading a JSON body, writing a JSON answer, and the one place where errors are
rendered.

Everything here is plain ASGI: on the way of a request stands nothing but what it needs.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mockchirp.core.errors import (
    BodyTooLarge,
    ChirpError,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    RangeNotSatisfiable,
    RateLimitExceeded,
    Unauthenticated,
    UnsupportedCoding,
    envelope,
)
from mockchirp.core.notifier import Notifier
from mockchirp.findings import Finding, first_finding, place_of
from mockchirp.malformed import remedy, remedy_of_text, remedy_of_type
from mockchirp.signposts import signpost

Headers = list[tuple[bytes, bytes]]
Body = TypeVar("Body", bound=BaseModel)

MOST_DISCARDED = 64 << 20
"""Bytes of a refused body that are read and thrown away, so that the client gets to see the answer."""
DEEPEST = 32
"""Levels of nesting in a body; more is 400."""

JSON = (b"content-type", b"application/json")
_HOST = re.compile(rb"[A-Za-z0-9._~\[\]:%-]{1,255}")
_log = logging.getLogger("mockchirp")


class Disconnected(Exception):
    """The client went away before its request was whole; there is nobody to answer."""


class ConnectionCut(ConnectionResetError):
    """A fault cuts the connection: by a reset, or else by closing it before the answer is whole.

    The server that carries the request does it; in process, the exception is what the client gets.
    """

    def __init__(self, *, reset: bool) -> None:
        super().__init__("mockchirp cut the connection, because a fault says so")
        self.reset = reset


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first value of a header, ``name`` in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return value  # type: ignore[no-any-return]
    return None


def authorization(scope: Scope) -> bytes | None:
    """The ``Authorization`` header; raise :class:`Unauthenticated` if there are two, of which nobody knows which is meant."""
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(given) > 1:
        raise Unauthenticated(
            f"{len(given)} Authorization headers were sent: send one, 'Authorization: Bearer ' and the key"
        )
    return given[0] if given else None


async def send_json(send: Send, status: int, payload: object, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Write a whole answer with ``payload`` as its JSON body."""
    await send_bytes(send, status, orjson.dumps(payload), [JSON, *headers])


async def send_bytes(send: Send, status: int, body: bytes, headers: Headers) -> None:
    """Write a whole answer; ``headers`` without the length."""
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_pieces(send: Send, status: int, pieces: AsyncIterator[bytes], headers: Headers) -> None:
    """Write an answer piece by piece, as fast as the client takes them. An error before the second piece is raised; after that, the
    connection is cut, so that nobody takes the answer for whole.
    """
    piece = await anext(pieces, b"")
    following = await anext(pieces, None)
    if following is None:
        await send_bytes(send, status, piece, headers)
        return
    await send({"type": "http.response.start", "status": status, "headers": headers})
    try:
        while following is not None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            piece, following = following, await anext(pieces, None)
    except Exception:
        _log.exception("an answer could not be finished")
        raise ConnectionCut(reset=True) from None
    await send({"type": "http.response.body", "body": piece})


async def send_nothing(send: Send, headers: Headers) -> None:
    """Write an answer that has no body, and needs none."""
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def adding(send: Send, headers: Headers) -> Send:
    """``send`` with ``headers`` added to the answer."""

    def sending(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *headers]}
        return send(message)

    return sending


def without_body(send: Send) -> Send:
    """``send`` with the headers of the answer alone, its length among them."""

    def sending(message: Message) -> Awaitable[None]:
        return send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return sending


def error_headers(error: ChirpError) -> Headers:
    """The headers that belong to an error by HTTP's own rules."""
    if isinstance(error, MethodNotAllowed):
        return [(b"allow", error.allowed.encode())]
    if isinstance(error, RateLimitExceeded):
        return [(b"retry-after", b"%d" % error.retry_after)]
    if isinstance(error, RangeNotSatisfiable):
        return [(b"content-range", b"bytes */%d" % error.size)]
    if isinstance(error, UnsupportedCoding):
        return [(b"accept-encoding", b"identity")]
    return [(b"www-authenticate", b"Bearer")] if error.status == 401 else []


async def send_error(send: Send, error: ChirpError, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Write an error in the documented envelope."""
    await send_json(send, error.status, envelope(error), [*error_headers(error), *headers])


def internal_error(scope: Scope) -> InternalError:
    """Log the exception being handled; what the caller is told of it."""
    _log.exception("unhandled error in %s %s", scope["method"], scope["path"])
    return InternalError("mockchirp failed to handle this request; its log has the details. Please report it.")


async def read_body(scope: Scope, receive: Receive, largest: int) -> bytes:
    """The whole body; raise :class:`BodyTooLarge` over ``largest`` bytes, :class:`Disconnected` if the client goes away."""
    chunks: list[bytes] = []
    length = 0
    declared = (header(scope, b"content-length") or b"").lstrip(b"0")
    too_large = declared.isdigit() and (len(declared) > 15 or int(declared) > largest)
    more = True
    while more:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        length += len(chunk)
        too_large = too_large or length > largest
        if not too_large:
            chunks.append(chunk)
        elif length > largest + MOST_DISCARDED:
            break
        more = message.get("more_body", False)
    if too_large:
        raise BodyTooLarge(f"the body is larger than {largest} bytes, which is the most that is taken")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def hang_up(receive: Receive) -> None:
    """Never return; raise :class:`Disconnected` when the client of a request that was read goes away."""
    # Some callers say over and over that there is a request, without ever waiting: others get their turn in between.
    while (await receive())["type"] != "http.disconnect":  # noqa: ASYNC110
        await asyncio.sleep(0)  # noqa: TID251
    raise Disconnected


def parse_json(scope: Scope, body: bytes, deepest: int = DEEPEST) -> dict[str, Any]:
    """The JSON object in ``body``; raise :class:`InvalidRequest` on another content type, malformed JSON or anything
    but an object, and :class:`UnsupportedCoding` on a body that is compressed.
    """
    codings = b", ".join(value for name, value in scope["headers"] if name == b"content-encoding")
    if codings and codings.strip().lower() != b"identity":
        shown = codings.decode("latin-1")[:80]
        raise UnsupportedCoding(f"a body with Content-Encoding {shown!r} is not taken; send it as it is, without one")
    given = header(scope, b"content-type")
    media_type = (given or b"").split(b";", 1)[0].strip().lower()
    if media_type != b"application/json":
        shown = repr(media_type.decode("latin-1")[:80]) if given else "none"
        raise InvalidRequest(f"the Content-Type must be application/json; it is {shown}{remedy_of_type(media_type)}")
    if not body:
        raise InvalidRequest("the body is empty; it must be a JSON object, which curl sends by -d '{...}'")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"the body is not valid JSON: {error}{remedy(body, error)}") from None
    if not isinstance(value, dict):
        kind = _KINDS.get(type(value), "a number")
        raise InvalidRequest(f"the body must be a JSON object; it is {kind}{remedy_of_text(value)}")
    if is_deeper(value, deepest):
        raise InvalidRequest(f"the body is nested more than {deepest} levels deep")
    return value


_KINDS: Mapping[type, str] = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}


def is_deeper(value: object, levels: int) -> bool:
    """Whether objects and arrays are nested in ``value`` more than so many levels deep."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(levels):
        if not level:
            return False
        members = chain.from_iterable(each.values() if isinstance(each, dict) else each for each in level)
        level = [member for member in members if isinstance(member, (dict, list))]
    return bool(level)


def parse_model(model: type[Body], value: Mapping[str, Any]) -> Body:
    """``value`` as a ``model``; raise :class:`InvalidRequest` with the name of the field that is wrong."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _invalid(first_finding(error, model, value)) from None


def _invalid(found: Finding) -> InvalidRequest:
    """The first fault of a body in Chirp's envelope."""
    param = place_of(found.path)[:80] or None
    if param is None:
        return InvalidRequest(found.reason)
    return InvalidRequest(f"{param}{' ' if found.is_of_name else ': '}{found.reason}", param=param)


def follow_caller(scope: Scope, notifier: Notifier, public_url: str | None) -> str:
    """Where the caller's links point to: to ``public_url``, or else to where it reached this server. The links in the sandbox's
    webhooks, which have no caller, follow the last one.
    """
    if public_url is not None:
        return public_url
    notifier.origin = request_origin(scope, notifier.origin)
    return notifier.origin


def request_origin(scope: Scope, fallback: str) -> str:
    """The origin through which the caller reached this server, without a slash at its end; ``fallback`` if it does not
    say.
    """
    given = (header(scope, b"x-forwarded-host"), header(scope, b"host"))
    hosts = ((host or b"").split(b",", 1)[0].strip() for host in given)
    host = next((host for host in hosts if _HOST.fullmatch(host)), None)
    if host is None:
        return fallback
    forwarded = (header(scope, b"x-forwarded-proto") or b"").split(b",", 1)[0].strip().lower()
    proto = forwarded.decode("latin-1") if forwarded in (b"http", b"https") else scope.get("scheme", "http")
    return f"{proto}://{host.decode('latin-1')}"


class Methods:
    """An ASGI application for one path: one handler a method, 405 with ``Allow`` for the others.

    ``names`` are the ids of the operations by method. ``HEAD`` is answered wherever ``GET`` is, as ``GET`` would be but without the
    body (RFC 9110, 9.3.2), and ``OPTIONS`` by ``Allow`` alone.
    """

    def __init__(self, handlers: Mapping[str, ASGIApp], names: Mapping[str, str]) -> None:
        self.handlers = dict(handlers)
        self.names = dict(names)
        if "GET" in handlers:
            self.handlers.setdefault("HEAD", handlers["GET"])
            self.names.setdefault("HEAD", names["GET"])
        self.allowed = ", ".join(sorted(self.handlers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        handler = self.handlers.get(method)
        if handler is not None:
            await handler(scope, receive, without_body(send) if method == "HEAD" else send)
        elif method == "OPTIONS":
            await send_nothing(send, [(b"allow", self.allowed.encode())])
        else:
            message = f"{method[:20]} is not allowed on {scope['path'][:200]}; allowed: {self.allowed}"
            raise MethodNotAllowed(message, self.allowed)


class Routes:
    """An ASGI application that finds the one for a path: among the literal paths, then among the others in their order.

    Starlette's router asks every route in turn, which takes a tenth of the time of a GET, and its patterns end with `$`, which
    lets a line break pass.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self._paths = [route.path for route in routes]
        self._literal = {route.path: route.app for route in routes if not route.param_convertors}
        self._patterns = [(route.path_regex, route.app) for route in routes if route.param_convertors]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "*" and scope["method"] == "OPTIONS":  # a ping of the server as a whole (RFC 9110, 9.3.7)
            await send_nothing(send, [])
            return
        app, scope["path_params"] = self._find(scope)
        scope["endpoint"] = app
        await app(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[ASGIApp, dict[str, str]]:
        path = scope["path"]
        if path in self._literal:
            return self._literal[path], {}
        for pattern, app in self._patterns:
            if match := pattern.fullmatch(path):
                return app, match.groupdict()
        raise NotFound(f"No such route: {scope['method'][:20]} {path[:200]}{signpost(path, self._paths)}")
