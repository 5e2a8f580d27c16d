"""The tests of any team's files: whatever its cards and settings are, they hold."""
