"""Rate limits: told of in every answer's headers, and enforced where somebody asks for it."""

import pytest

CALL = {"from": "+15551234567", "to": "+15559876543"}
HOOK = {"url": "https://app.test/hooks", "events": []}
UNKNOWN = "/v1/calls/call_" + "a" * 27
MINUTE = 1_768_473_060
"""2026-01-15T10:31:00Z, the minute after the one in which the clock is frozen."""


@pytest.fixture
def enforcing(open_mock):
    """A mock that enforces the limits."""
    return open_mock(rate_limit="enforce", webhook_url=None)


def quota(answer):
    """What the headers of an answer say: the limit, what is left, when it begins anew."""
    return tuple(int(answer.headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining", "reset"))


def use_up(mock, path="/v1/calls/voicemails", times=120, **options):
    for _ in range(times):
        assert mock.get(path, **options).status_code == 200


def test_every_answer_tells_what_is_left(mock):
    """Refusals count like successes, whatever they are for."""
    answers = [
        mock.post("/v1/calls", CALL),
        mock.get("/v1/calls/voicemails"),
        mock.get(UNKNOWN),
        mock.get("/v1/calls/call_7"),
        mock.post("/v1/calls", {}),
        mock.post("/v1/calls", {**CALL, "to": "+15005550009"}),
        mock.request("POST", "/v1/calls", content=b"x" * (2 << 20)),
        mock.delete(UNKNOWN),
    ]

    assert [answer.status_code for answer in answers] == [201, 200, 404, 400, 400, 424, 413, 404]
    assert [quota(answer) for answer in answers] == [(120, left, MINUTE) for left in range(119, 111, -1)]


def test_the_management_of_webhooks_has_a_limit_of_its_own(mock):
    """60 a minute, counted apart from all else."""
    mock.post("/v1/calls", CALL)

    created = mock.post("/v1/webhooks", HOOK)
    path = f"/v1/webhooks/{created.json()['id']}"
    answers = [created, mock.get("/v1/webhooks"), mock.get(path), mock.put(path, {}), mock.delete(path), mock.get(path)]

    assert [quota(answer) for answer in answers] == [(60, left, MINUTE) for left in range(59, 53, -1)]
    assert quota(mock.get("/v1/calls/voicemails")) == (120, 118, MINUTE)


@pytest.mark.parametrize(
    ("method", "path", "key", "status", "limit"),
    [
        ("GET", "/v1/nothing", "sk_test_app_local", 404, 120),
        ("PUT", "/v1/calls", "sk_test_app_local", 405, 120),
        ("GET", UNKNOWN, None, 401, 120),
        ("GET", UNKNOWN, "sk_admin_x", 401, 120),
        ("GET", "/v1/webhooks", "nonsense", 401, 60),
        ("PUT", f"/v1/organization/apps/app_{'a' * 27}/calling", "sk_admin_x", 404, 60),
    ],
)
def test_who_is_no_app_is_told_of_a_fresh_limit(mock, method, path, key, status, limit):
    """There is nobody to count for: unknown routes and methods, and whoever has no key."""
    mock.get("/v1/calls/voicemails")

    answer = mock.request(method, path, key=key, json={})

    assert answer.status_code == status
    assert quota(answer) == (limit, limit, MINUTE)


def test_what_an_administrator_asks_is_counted_apart(mock):
    """An admin key has 60 requests a minute for an application, whatever the application's own keys ask."""
    mock.get("/v1/calls/voicemails")

    answer = mock.get(f"/v1/organization/apps/{mock.sandbox().app_id}/calling", key="sk_admin_x")

    assert quota(answer) == (60, 59, MINUTE)
    assert quota(mock.get("/v1/calls/voicemails")) == (120, 118, MINUTE)


def test_each_app_has_its_own(mock):
    """What one asks takes nothing from another."""
    mock.get("/v1/calls/voicemails")

    assert quota(mock.get("/v1/calls/voicemails", key="sk_test_app_other")) == (120, 119, MINUTE)


def test_files_and_the_control_api_are_not_limited(mock):
    """They are none of Chirp's API, and have no such headers."""
    for path in ("/_mockchirp/clock", "/recordings/a.mp4", "/openapi.json"):
        assert "x-ratelimit-limit" not in mock.get(path).headers
    assert quota(mock.get("/v1/calls/voicemails"))[1] == 119


def test_unless_told_to_the_mock_does_not_enforce_limits(mock):
    """A test suite would trip over them at once; the headers tell what Chirp would do."""
    use_up(mock, times=120)

    answers = [mock.get("/v1/calls/voicemails") for _ in range(3)]

    assert {answer.status_code for answer in answers} == {200}
    assert {quota(answer) for answer in answers} == {(120, 0, MINUTE)}


def test_over_the_limit_a_request_is_refused(enforcing, refused, contract):
    """With the time to wait, and without any effect."""
    enforcing.advance(by=17.5)
    use_up(enforcing, times=119)
    assert enforcing.post("/v1/calls", CALL).status_code == 201
    before = enforcing.state()

    answer = enforcing.post("/v1/calls", CALL)

    refused(answer, 429, code="rate_limit_exceeded", says="120 requests")
    contract.check_answer("createCall", 429, answer.content, answer.headers)
    assert answer.headers["retry-after"] == "43"
    assert quota(answer) == (120, 0, MINUTE)
    assert enforcing.state() == before


def test_the_limit_comes_before_all_but_the_key(enforcing, refused):
    """Over it, nothing of the request is looked at; without a key, it is 401 as ever."""
    use_up(enforcing)

    for answer in (
        enforcing.get(UNKNOWN),
        enforcing.request("POST", "/v1/calls", content=b"{"),
    ):
        refused(answer, 429, code="rate_limit_exceeded")
    assert enforcing.get(UNKNOWN, key=None).status_code == 401


def test_the_next_window_opens_with_the_minute(enforcing):
    """On a frozen clock `advance` opens it, to the millisecond; waiting as long as told is enough."""
    enforcing.advance(by=17.5)
    use_up(enforcing)
    wait = int(enforcing.get("/v1/calls/voicemails").headers["retry-after"])

    enforcing.advance(by=wait - 0.501)
    assert enforcing.get("/v1/calls/voicemails").status_code == 429
    enforcing.advance(by=0.001)

    answer = enforcing.get("/v1/calls/voicemails")
    assert answer.status_code == 200
    assert quota(answer) == (120, 119, MINUTE + 60)


def test_at_the_end_of_a_window_there_is_a_second_to_wait(enforcing):
    """Never none."""
    enforcing.advance(by=59.999)
    use_up(enforcing)

    assert enforcing.get("/v1/calls/voicemails").headers["retry-after"] == "1"


def test_webhook_management_is_refused_over_sixty(enforcing, refused, contract):
    """While all else goes on; and the other way round."""
    use_up(enforcing, "/v1/webhooks", times=60)

    answer = enforcing.post("/v1/webhooks", HOOK)

    refused(answer, 429, code="rate_limit_exceeded", says="60 requests")
    contract.check_answer("createWebhook", 429, answer.content, answer.headers)
    use_up(enforcing, times=120)
    assert enforcing.get("/v1/calls/voicemails").status_code == 429
    use_up(enforcing, "/v1/webhooks", times=60, key="sk_test_app_other")


def test_a_sandbox_can_enforce_for_itself(mock, open_mock):
    """By the control API, from now on and until told otherwise; the others do as the server does."""
    use_up(mock, times=121)

    mock.request("PATCH", "/_mockchirp/sandbox", json={"rateLimit": "enforce"})
    assert mock.get("/_mockchirp/sandbox").json()["rateLimit"] == "enforce"
    assert mock.get("/v1/calls/voicemails").status_code == 429
    use_up(mock, times=121, key="sk_test_app_other")
    mock.request("PATCH", "/_mockchirp/sandbox", json={"rateLimit": "off"})
    assert mock.get("/v1/calls/voicemails").status_code == 200

    enforcing = open_mock(rate_limit="enforce")
    enforcing.request("PATCH", "/_mockchirp/sandbox", json={"rateLimit": "off"})
    use_up(enforcing, times=121)
    use_up(enforcing, times=120, key="sk_test_app_other")
    assert enforcing.get("/v1/calls/voicemails", key="sk_test_app_other").status_code == 429
