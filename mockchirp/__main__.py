"""``python -m mockchirp`` is the command ``mockchirp``."""

import sys

from mockchirp.cli import main

sys.exit(main())
