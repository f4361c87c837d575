"""The least that Starlette can do, to compare with: two routes that answer a constant the size of a call.

``python -m benchmarks.bare PORT`` serves it with the very settings that mockchirp gives to uvicorn (``server.py``).
"""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

CALL = (
    b'{"id":"call_test_38I2wAr7L6hW7lkqEO45kisY3o8","appId":"app_test_06HyugcvRszfZqv3DnPeoYUWwzL","direction":"outbound",'
    b'"status":"initiated","fromAddress":"+15551234567","toAddress":"+15559876543","fromChannel":"pstn","toChannel":"pstn",'
    b'"duration":null,"endReason":null,"metadata":{},"livekitRoomName":null,"startedAt":"2026-01-15T10:30:00Z",'
    b'"answeredAt":null,"endedAt":null,"createdAt":"2026-01-15T10:30:00Z"}'
)


async def get_call(request: Request) -> Response:
    return Response(CALL, media_type="application/json")


async def create_call(request: Request) -> Response:
    await request.body()
    return Response(CALL, 201, media_type="application/json")


def main() -> None:
    """Serve until terminated."""
    routes = [Route("/v1/calls", create_call, methods=["POST"]), Route("/v1/calls/{callId}", get_call)]
    uvicorn.run(
        Starlette(routes=routes),
        port=int(sys.argv[1]),
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main()
