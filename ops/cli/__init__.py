"""The commands of deploy.py that need more than a few lines."""
