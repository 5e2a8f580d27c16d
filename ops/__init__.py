"""What deploy.py does, a room a job: settings, build, preview, infrastructure, releases."""

import gc

# What a command imports stays until it ends: looking for garbage in it again and again is a tenth of its start.
gc.set_threshold(50_000)
