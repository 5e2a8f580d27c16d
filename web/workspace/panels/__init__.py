"""What the agent sees: the only modules that know the page's DOM. page.py puts the parts together."""
