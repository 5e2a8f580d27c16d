"""Your own routes. Each is a function whose annotations say what it takes and answers, checked before and after it is called.

    @app.get("/api/customers/<customer>/orders")
    def orders(customer: str) -> list[Order]:           # <customer>: one of the contact's token, or it is not called
        return [Order(id="4711", total="99.50")]

The page asks it with `await desk.api.get("customers/{id}/orders", id=...)`. docs/api.md tells of errors, writes and tests.
"""

from popdesk_api.app import app as app
