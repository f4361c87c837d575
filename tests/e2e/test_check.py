"""`mockchirp check`: whether files can be seeds, without starting anything."""

import subprocess
import sys


def check(directory, *files):
    run = subprocess.run(
        [sys.executable, "-m", "mockchirp", "check", *files], cwd=directory, capture_output=True, text=True, timeout=20
    )
    return run.returncode, run.stdout, run.stderr


def test_a_good_file_is_told_by_what_is_in_it(tmp_path):
    """One line a sandbox; those that come along are found by name."""
    (tmp_path / "seed.yaml").write_text(
        "keys: [sk_test_app_a, sk_test_app_b]\ncalls: [{from: +15551234567, to: +15559876543}]\n"
    )

    status, output, errors = check(tmp_path, "seed.yaml", "demo")

    assert (status, errors) == (0, "")
    assert output.splitlines() == [
        "sk_test_app_a, sk_test_app_b: 1 calls, 0 recordings, 0 voicemails, 0 webhooks",
        "sk_test_app_local: 22 calls, 10 recordings, 3 voicemails, 2 webhooks",
    ]


def test_a_mistake_is_one_line_and_status_2(tmp_path):
    """With the place in the file."""
    (tmp_path / "seed.yaml").write_text("calls:\n  - to: +15551234567\n")

    assert check(tmp_path, "seed.yaml") == (2, "", "mockchirp: seed.yaml, line 2: calls[0].from: is required\n")
    assert check(tmp_path)[0] == 2
