"""Examines a third-party app in the local agent workspace: `deploy.py check URL`.

`examine.py` drives Chromium and observes; what follows from that is decided in pure modules: `framing.py` (may it be framed),
`observed.py` (what the log says), `judge.py` (the findings), `picture.py` (how bright it looks). What a request needs and how
an app is framed are facts of the workspace, whose pure modules are imported here, so their folder is on the path.
"""

import sys

from ops import ROOT

sys.path.append(str(ROOT / "web" / "workspace"))
