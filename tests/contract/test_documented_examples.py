"""Chirp's own examples against the contract."""


def test_every_example_is_in_the_index(documented, documented_files):
    """No example is left out of the tests below."""
    assert documented_files == set(documented)


def test_the_contract_holds_for_chirps_own_examples(contract, documented):
    """Each documented example is valid, but for the deviations listed beside it; and each of those is one."""
    found = {name: set(contract.faults(entry["schema"], entry["example"])) for name, entry in documented.items()}

    assert found == {name: set(entry.get("deviations", {})) for name, entry in documented.items()}


def test_every_deviation_has_a_reason(documented):
    """Nothing in Chirp's examples is passed over without a word."""
    reasons = [reason for entry in documented.values() for reason in entry.get("deviations", {}).values()]

    assert reasons
    assert all(isinstance(reason, str) and len(reason) > 20 for reason in reasons)


def test_the_documented_webhook_passes_as_a_whole(contract, documented):
    """The one payload that Chirp shows is what a receiver may expect from the mock."""
    contract.check_webhook(documented["webhook-call-initiated.json"]["example"])
