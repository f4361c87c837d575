"""Put both OpenAPI documents, as they are, where the next change is compared with them: part of a release."""

import json
from pathlib import Path

from mockchirp import contract
from mockchirp.control.document import document

RELEASED = Path(__file__).parents[2] / "docs" / "released"

if __name__ == "__main__":
    RELEASED.mkdir(exist_ok=True)
    (RELEASED / "chirp.yaml").write_bytes(contract.text())
    (RELEASED / "control.json").write_text(json.dumps(document(), indent=1) + "\n")
