"""Tests of your own files: what your cards show, and for whom. Upstream changes nothing here."""
