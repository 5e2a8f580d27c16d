"""Everything on one machine: the server, the local Lambda, the sample CRM and scenarios."""
