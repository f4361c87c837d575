"""Clients as people have them, which offer to go on in HTTP/2 with each request."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from mockchirp.server import Server
from mockchirp.settings import Settings

CALL = '{"from": "+15551234567", "to": "+15559876543"}'

JAVA = """
import java.net.URI;
import java.net.http.*;
import java.net.http.HttpRequest.*;

public class Calls {
    static final HttpClient client = HttpClient.newHttpClient();

    static String ask(String url, String method, BodyPublisher body) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(url)).method(method, body)
            .header("Authorization", "Bearer sk_test_app_java").header("Content-Type", "application/json").build();
        var answer = client.send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(method + " " + answer.statusCode() + " " + answer.version());
        return answer.body();
    }

    public static void main(String[] arguments) throws Exception {
        var base = arguments[0];
        var call = arguments[1];
        for (int i = 0; i < 3; i++) ask(base + "/v1/calls", "POST", BodyPublishers.ofString(call));
        var bytes = call.getBytes();
        var chunked = BodyPublishers.fromPublisher(BodyPublishers.ofByteArray(bytes));
        var made = ask(base + "/v1/calls", "POST", chunked);
        var id = made.replaceAll(".*?\\"id\\":\\"([^\\"]+)\\".*", "$1");
        ask(base + "/v1/calls/" + id + "/commands", "POST", BodyPublishers.ofString("{\\"type\\": \\"hangup\\"}"));
        ask(base + "/v1/calls/" + id, "GET", BodyPublishers.noBody());
        ask(base + "/_mockchirp/clock", "PUT", BodyPublishers.ofString("{\\"rate\\": 2, \\"mode\\": \\"real\\"}"));
        System.out.println(ask(base + "/_mockchirp/clock", "GET", BodyPublishers.noBody()));
    }
}
"""


@pytest.mark.skipif(shutil.which("java") is None, reason="needs a JDK, which runs a program from its source")
def test_the_client_of_the_jdk_has_its_bodies_read(tmp_path: Path) -> None:
    """By default it offers h2c with everything that it sends."""
    source = tmp_path / "Calls.java"
    source.write_text(JAVA)
    with Server(Settings(port=0, clock_mode="frozen")) as server:
        command = ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", str(source), server.url, CALL]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=120)

    assert ran.returncode == 0, ran.stderr
    *lines, clock = ran.stdout.splitlines()
    assert lines == [
        *["POST 201 HTTP_1_1"] * 4,
        "POST 200 HTTP_1_1",
        "GET 200 HTTP_1_1",
        "PUT 200 HTTP_1_1",
        "GET 200 HTTP_1_1",
    ]
    assert json.loads(clock)["rate"] == 2


def test_curl_may_offer_http_2() -> None:
    """Its body is read, and a connection that begins with HTTP/2 at once ends cleanly."""
    with Server(Settings(port=0, clock_mode="frozen")) as server:
        key = ["-H", "Authorization: Bearer sk_test_app_curl", "-H", "Content-Type: application/json"]
        command = ["curl", "-sS", "--max-time", "10", *key, "-d", CALL, f"{server.url}/v1/calls"]
        offered = subprocess.run([*command, "--http2"], capture_output=True, text=True, timeout=20)
        began = subprocess.run([*command, "--http2-prior-knowledge"], capture_output=True, text=True, timeout=20)

    assert json.loads(offered.stdout)["toAddress"] == "+15559876543"
    assert began.returncode not in (0, 28), "it is told that this is no HTTP/2, and does not have to wait"
