"""What a real instance would know: the agent, the contacts, permissions; and the faults and the log of this workspace."""
