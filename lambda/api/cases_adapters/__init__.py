"""Adapters for cases, one module each: popdesk_api/cases.py has their interface."""
