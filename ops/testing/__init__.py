"""Tests of a team's cards without a browser, and the same tests in one: docs/testing.md.

    def test_tier(sample_desk, show_cards):
        page = show_cards(sample_desk(customer="C-1001", attributes={"tier": "gold"}))
        assert page.card("Loyalty tier").text == "gold"

plugin.py has the fixtures, page.py what they return; none of it is in the page.
"""
