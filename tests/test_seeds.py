"""Seed files: what a server begins with, and what is said of a file that can't be one."""

import json
from pathlib import Path

import pytest

from mockchirp.app import create_app
from mockchirp.core.calls import EVENT_OF_STATUS
from mockchirp.core.recordings import FORMATS, RECORDING_TRANSITIONS
from mockchirp.seeds import fixtures
from mockchirp.settings import BadSetting, Settings

DOCUMENTED = Path(__file__).parents[1] / "fixtures" / "documented"
LAUGHS = "a0: &a0 ha\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
CALL = "{from: +15551234567, to: +15559876543"


@pytest.fixture
def file(tmp_path):
    """Writes a file; its path."""

    def file(text, name="seed.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return file


def complaint(seed, **settings):
    with pytest.raises(BadSetting) as refusal:
        create_app(Settings(seed=seed, **settings))
    return str(refusal.value)


def test_a_file_may_hold_one_sandbox(open_mock, file):
    """For the default key, if it names none."""
    mock = open_mock(seed=file(f"calls: [{CALL}, status: busy}}]"))

    (sandbox,) = mock.get("/_mockchirp/sandboxes").json()["data"]
    assert (sandbox["keys"], sandbox["calls"]) == (["sk_test_app_local"], 1)


def test_a_file_may_hold_several_sandboxes_and_a_sandbox_several_keys(open_mock, file):
    """Whoever comes with one of its keys finds the same world."""
    text = f"""
version: 1
sandboxes:
  - keys: [sk_test_app_a, sk_live_app_b]
    calls: [{CALL}}}]
  - keys: [sk_test_app_c]
"""
    mock = open_mock(seed=file(text))

    assert [row["keys"] for row in mock.get("/_mockchirp/sandboxes").json()["data"]] == [
        ["sk_test_app_a", "sk_live_app_b"],
        ["sk_test_app_c"],
    ]
    mock.call(key="sk_live_app_b")
    one, other = (mock.get("/_mockchirp/sandbox", key=key).json() for key in ("sk_test_app_a", "sk_live_app_b"))
    assert one == other
    assert mock.get("/_mockchirp/calls", key="sk_test_app_a").json()["totalCount"] == 2
    mock.delete("/_mockchirp/sandbox", key="sk_live_app_b")
    assert [row["keys"] for row in mock.get("/_mockchirp/sandboxes").json()["data"]] == [["sk_test_app_c"]]


def test_several_files_add_up(open_mock, file):
    """In JSON as in YAML; a variable names them with commas between."""
    first = file("keys: [sk_test_app_a]", "a.yaml")
    second = file(
        json.dumps({"keys": ["sk_test_app_b"], "calls": [{"from": "+15551234567", "to": "+15559876543"}]}), "b.json"
    )

    mock = open_mock(seed=f"{first},{second}")

    assert [row["keys"] for row in mock.get("/_mockchirp/sandboxes").json()["data"]] == [
        ["sk_test_app_a"],
        ["sk_test_app_b"],
    ]


def test_an_export_is_a_seed(open_mock, file):
    """The same document, to the last byte."""
    first = open_mock()
    first.call()
    first.advance(by=7)
    document = first.get("/_mockchirp/state").json()

    second = open_mock(seed=file(json.dumps(document), "export.json"))

    assert second.get("/_mockchirp/state").json() == document


def test_yaml_says_what_people_mean(open_mock, file):
    """Numbers with a plus sign, instants, `off` and `no` are texts."""
    text = f"""
clock: {{now: 2026-03-01T00:00:00Z, mode: frozen}}
rateLimit: off
calls: [{CALL}, createdAt: -5m, status: busy, metadata: {{answer: no, at: 2026-01-01, code: 007, n: 5, f: 1.5, t: true, x: null}}}}]
"""
    mock = open_mock(clock_mode="real", seed=file(text))

    (call,) = mock.get("/_mockchirp/calls").json()["data"]
    assert call["createdAt"] == "2026-02-28T23:55:00Z"
    assert call["metadata"] == {
        "answer": "no",
        "at": "2026-01-01",
        "code": "007",
        "n": 5,
        "f": 1.5,
        "t": True,
        "x": None,
    }


def test_a_sandbox_with_a_frozen_clock_begins_where_all_do(open_mock, file):
    """Even on a server whose other clocks run."""
    mock = open_mock(clock_mode="real", seed=file("clock: {mode: frozen}"))

    assert mock.get("/_mockchirp/clock").json()["now"] == "2026-01-15T10:30:00.000Z"


def test_the_demo_has_everything(open_mock):
    """Calls in every status, recordings in every status and format, voicemails, webhooks; and nothing is about to be sent."""
    mock = open_mock(seed="demo", webhook_url=None)

    document = mock.get("/_mockchirp/state").json()

    calls = document["calls"]
    recordings = [recording for call in calls for recording in call.get("recordings", ())]
    assert {call["status"] for call in calls} == set(EVENT_OF_STATUS)
    assert {call["direction"] for call in calls} == {"inbound", "outbound"}
    assert {recording["status"] for recording in recordings} == set(RECORDING_TRANSITIONS)
    assert {recording["format"] for recording in recordings if recording["status"] == "completed"} == set(FORMATS)
    assert {recording["format"] for recording in recordings} == set(FORMATS)
    assert sum("voicemail" in call for call in calls) == 3
    assert len(document["webhooks"]) == 2
    assert document["deliveries"] == []
    assert {webhook["url"].split("/")[2].rpartition(".")[2] for webhook in document["webhooks"]} == {"invalid"}
    mock.call()
    assert mock.advance(until="idle")["pending"] == 0


def test_the_demo_runs_on_any_clock(open_mock, contract):
    """On a real one its calls are of just now; every answer holds to the contract."""
    mock = open_mock(seed="demo", clock_mode="real", webhook_url=None)

    for call in mock.get("/_mockchirp/calls").json()["data"]:
        contract.check_answer("getCall", 200, mock.get(f"/v1/calls/{call['id']}").content)
        contract.check_answer("listCallRecordings", 200, mock.get(f"/v1/calls/{call['id']}/recordings").content)
    contract.check_answer("listVoicemails", 200, mock.get("/v1/calls/voicemails").content)
    contract.check_answer("listWebhooks", 200, mock.get("/v1/webhooks").content)


def test_the_documented_example_is_a_seed(open_mock):
    """The call as Chirp prints it, but for what the example contradicts itself in, and whose app it is."""
    mock = open_mock(seed="documented", webhook_url=None)
    example = json.loads((DOCUMENTED / "call.json").read_bytes())

    call = mock.get(f"/v1/calls/{example['id']}").json()

    own = {"appId": call["appId"], "status": "completed", "livekitRoomName": None}
    assert call == {**example, **own}
    other = next(call for call in mock.get("/_mockchirp/calls").json()["data"] if call["id"] != example["id"])
    (recording,) = mock.get(f"/v1/calls/{other['id']}/recordings").json()["data"]
    told = json.loads((DOCUMENTED / "recording.json").read_bytes())
    for field in ("status", "format", "duration", "startedAt", "endedAt", "createdAt"):
        assert recording[field] == told[field]


def test_the_shipped_seeds_are_found():
    """By these names."""
    assert list(fixtures()) == ["demo", "documented"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (
            "calls:\n  - from: +15551234567\n    to: +1555\n    staus: busy\n",
            4,
            "calls[0].staus: is not a known field here",
        ),
        ("calls:\n  - from: +15551234567\n", 2, "calls[0].to: is required"),
        ("calls:\n- {from: +15551234567, to: '12'}\n", 2, "calls[0].to: to '12' is not a phone number"),
        ("\n\nsandboxes:\n  - {}\n  - keys: [x]\n", 5, "sandboxes[1].keys[0]: 'x' is not an app key"),
        ("sandboxes:\n  - {}\n  - seed: 2\n", 3, "sandboxes[1]: sk_test_app_local has a sandbox already"),
        ("sandboxes: {}\n", 1, "sandboxes: must be a list"),
        ("sandboxes: []\ncalls: []\n", 2, "calls: can't stand beside sandboxes"),
        ("sandboxes: []\nversion: 9\n", 2, "version: 9 is not a version that this mockchirp reads"),
        ("version: 9\n", 1, "version: 9 is not a version that this mockchirp reads"),
        ("faults:\n  - status: 500\n    operation: nap\n", 3, "faults[0].operation: 'nap' is not an operation"),
        ("a: [1\nb: 2\n", 2, "is not valid YAML"),
        ("a: 1\nb: 2\na: 3\n", 3, "is not valid YAML: 'a' is there twice"),
        ("[a]: 1\n", 1, "is not valid YAML: a name must be a text"),
        ("a: &x [*x]\n", 1, "is not valid YAML"),
        ("a: !!python/object:os.system {}\n", 1, "is not valid YAML"),
        ("--- {}\n--- {}\n", 2, "is not valid YAML"),
        ("a: \0\n", None, "is not valid YAML"),
        ('{"calls": [\n{"from": 1,}]}', 2, "is not valid JSON"),
        ('{\n"calls": [\n{"from": 1}]}', 3, "calls[0].from: input should be a valid string"),
        (
            "webhooks:\n- url: http://a\n  headers:\n    X-A: b\n    x-a: c\n",
            3,
            "webhooks[0].headers: X-A and x-a differ in case alone",
        ),
        ("webhooks:\n- url: https://a:0\n", 2, "webhooks[0].url: 'https://a:0' is not an http or https URL: its port"),
        ("calls:\n- {from: '+15551234567', to: '+1555', duration: 1.0005}\n", 2, "calls[0].duration: 1.0005 is finer"),
        (
            '{"version": 1,\n"calls": [{"from": "+1555", "from": "+1556", "to": "+1557"}]}',
            None,
            "'from' is there twice in one object",
        ),
        ("- a\n", None, "must be a mapping"),
        ("", None, "must be a mapping"),
        ("nonsense", None, "must be a mapping"),
        ("a: " + "[" * 50 + "]" * 50, None, "is nested more than 40 levels deep"),
        ('a: "\\ud800"\n', 1, "is not valid YAML"),
        (f"a: {10**30}\n", None, "holds what JSON can't say"),
        ("seed: " + "9" * 5000 + "\n", None, "holds what JSON can't say"),
        (b"\xff\xfe", None, "is not text in UTF-8"),
        ("a: " + "[" * 100_000, None, "is nested more than 80 levels deep"),
        ("a: \n" + "".join(" " * n + "- \n" for n in range(1000)), None, "is nested more than 80 levels deep"),
        (LAUGHS, 7, "holds more than 500000 values, with those that aliases repeat"),
        ("a: &a {b: 1}\nc: [" + "*a, " * 400_000 + "]\n", 2, "holds more than 500000 values"),
        ("a: [" + "1," * 600_000 + "]\n", 1, "holds more than 500000 values"),
        (
            "a: &a " + "x" * 100_000 + "\nb:\n- *a\n" + "- *a\n" * 1000,
            171,
            "has aliases that repeat more than 16777216",
        ),
        ("a: &a {<<: *a}\n", 1, "is not valid YAML: *a stands inside what it repeats"),
        ("a: &a\n  b: [{c: *a}]\n", 2, "is not valid YAML: *a stands inside what it repeats"),
        ("a: *nobody\n", 1, "is not valid YAML"),
        ("calls:\n\t- 1\n", 2, "is not valid YAML"),
        ("<<: 5\n", 1, "is not valid YAML: only a mapping can be merged with <<"),
        ("a: !!python/name:os.system\n", 1, "is not valid YAML: the tag"),
        ("b: 1\na: !!timestamp 2026-01-01\n", 2, "is not valid YAML: the tag"),
        ("a: !!binary aGk=\n", 1, "is not valid YAML: the tag"),
        ("a: !!set {x, y}\n", 1, "is not valid YAML: the tag"),
        ("a: !!map [x]\n", 1, "is not valid YAML: the tag"),
        ("a: !!seq {x: y}\n", 1, "is not valid YAML: the tag"),
        ("a: !!bool perhaps\n", 1, "is not valid YAML: 'perhaps' is not of the kind bool"),
        ("a: !!int ''\n", 1, "is not valid YAML: '' is not of the kind int"),
        ("a: !!float .inf\n", 1, "is not valid YAML: '.inf' is not of the kind float"),
        ("a: !!float nan\n", None, "holds what JSON can't say: nan is out of range"),
        ("a: 1e999\n", None, "holds what JSON can't say: 1e999 is out of range"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(file, text, line, says):
    """The flag, the file, the line where there is one, the part of the document, and the reason."""
    path = file(text)

    said = complaint(path)

    where = path if line is None else f"{path}, line {line}"
    assert said.startswith(f"--seed {where}: {says}")
    assert "\n" not in said


def test_an_anchor_says_once_what_is_meant_often(open_mock, file):
    """Whole, or merged into what says more; what a mapping says itself goes before what it merges, the first before the second."""
    text = """
sandboxes:
  - keys: [sk_test_app_local]
    clock: &clock {mode: frozen}
    calls:
      - &first {from: +15551234567, to: +15559876543, status: busy, metadata: &metadata {order: 4711}}
      - {<<: *first, status: failed}
      - {<<: [{metadata: {order: 1}}, *first]}
      - {from: +15551234567, to: +15559876543, status: no_answer, metadata: *metadata}
  - {keys: [sk_test_app_b], clock: *clock}
"""
    mock = open_mock(clock_mode="real", seed=file(text))

    calls = mock.get("/_mockchirp/calls").json()["data"]
    assert sorted((call["status"], call["metadata"]["order"]) for call in calls) == [
        ("busy", 1),
        ("busy", 4711),
        ("failed", 4711),
        ("no_answer", 4711),
    ]
    assert mock.get("/_mockchirp/clock", key="sk_test_app_b").json()["mode"] == "frozen"


def test_a_seed_is_no_larger_than_a_document_may_be(file):
    """Before it is read, or else it would be too late."""
    said = complaint(file("calls: []" + " " * 100), max_state_size="64")

    assert said.endswith("is larger than 64 bytes, which max_state_size allows")


def test_a_document_in_a_list_may_be_as_deep_as_one_alone(open_mock, file):
    """What a sandbox was exported with can be one of several."""
    metadata = json.loads('{"a":' * 30 + "1" + "}" * 30)
    document = {"calls": [{"from": "+15551234567", "to": "+15559876543", "metadata": metadata}]}

    for text in (json.dumps({"sandboxes": [document]}), "# YAML\n" + json.dumps({"sandboxes": [document]})):
        assert open_mock(seed=file(text)).get("/_mockchirp/calls").json()["data"][0]["metadata"] == metadata


def test_a_file_that_is_not_there_is_named(tmp_path):
    """A name without a dot or slash may have been meant for one of those that come along."""
    assert (
        complaint("nobody")
        == "--seed nobody: no such file or directory, and no seed of that name comes along; demo, documented do"
    )
    assert complaint(str(tmp_path / "x.yaml")).endswith("x.yaml: no such file or directory")
    assert complaint(str(tmp_path)).endswith("is a directory")


def test_only_keys_that_the_server_accepts_may_be_seeded(file):
    """Otherwise nobody could reach the sandbox."""
    assert "keys: Invalid API key" in complaint(file("keys: [sk_test_app_a]"), api_keys="sk_test_app_b")


def test_seeds_count_towards_the_bound_of_sandboxes(file):
    """They are sandboxes like others."""
    said = complaint(file("sandboxes: [{keys: [sk_test_app_a]}, {keys: [sk_test_app_b]}]"), max_sandboxes=1)

    assert "max_sandboxes allows no more" in said


def test_two_files_may_not_seed_one_key(file):
    """The second is the one that is named."""
    first, second = file("{}", "a.yaml"), file("{}", "b.yaml")

    assert complaint((first, second)).startswith(f"--seed {second}: sk_test_app_local has a sandbox already")
