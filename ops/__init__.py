"""What deploy.py does: settings, build, preview, infrastructure, releases.

It uses the modules of the two Lambda functions too (`from identity import phone_number`). They are at the top of their zips,
so their folders are on the path here.
"""

import gc
import sys
from pathlib import Path

# Links are not followed: a folder of links to a checkout, with other files for some, is a project of its own (the tests' is).
ROOT = Path(__file__).absolute().parent.parent
LOOKUP = ROOT / "lambda" / "lookup"
API = ROOT / "lambda" / "api"
sys.path += [str(LOOKUP), str(API)]

# What a command imports stays until it ends: looking for garbage in it again and again is a tenth of its start.
gc.set_threshold(50_000)
