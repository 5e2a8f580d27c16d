"""What deploy.py does: settings, build, preview, infrastructure, releases.

It uses the look-up Lambda's own modules too (`from identity import phone_number`). They are at the top of their zip, so
their folder is on the path here.
"""

import gc
import sys
from pathlib import Path

LOOKUP = Path(__file__).resolve().parent.parent / "lambda" / "lookup"
sys.path.append(str(LOOKUP))

# What a command imports stays until it ends: looking for garbage in it again and again is a tenth of its start.
gc.set_threshold(50_000)
