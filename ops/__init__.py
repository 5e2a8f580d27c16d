"""What deploy.py does, a room a job: settings, build, preview, infrastructure, releases."""
