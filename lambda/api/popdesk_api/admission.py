"""Who asks: every request is admitted by the contact's token, and by Amazon Connect, which has the contact and its agent.

    admission = Admission(TokenKeys(), Contacts(boto3.client("connect"), instance_id), audience="popdesk-prod")
    asking = admission.admit(headers.get("x-popdesk-contact", ""))
    asking.contact_id, asking.customers, asking.agent_id      # -> "b8f2...", ("C-1001",), "a1b2..."

NotAdmitted has the status and the words for the page (RFC 9457); `why` is for the log alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from popdesk_api.contact_token import Proof, Refused
from popdesk_api.contacts import ContactOver, Contacts, ContactsFailed
from popdesk_api.token_keys import KeysFailed, TokenKeys

_REOPEN = "Ask for this contact again: a token is good for one contact, until it is over."


class NotAdmitted(Exception):
    """The request is refused with `status`, `title` and `detail`; `why` is for the log and has no personal data."""

    def __init__(self, status: int, title: str, detail: str, why: str) -> None:
        super().__init__(f"{title}: {why}")
        self.status = status
        self.title = title
        self.detail = detail
        self.why = why


@dataclass(frozen=True)
class Asking:
    """Who asks: the contact, the ids of the customers it may ask about, the agent's id ("" while no agent has the contact)."""

    contact_id: str
    customers: tuple[str, ...]
    agent_id: str
    expires: int

    def may_ask_about(self, customer: str) -> bool:
        """Return whether the contact's token is good for the customer."""
        return customer in self.customers


class Admission:
    """Admits requests to the API of the stack `audience`."""

    def __init__(self, keys: TokenKeys, contacts: Contacts, audience: str) -> None:
        self._keys = keys
        self._contacts = contacts
        self._audience = audience

    def admit(self, token: str) -> Asking:
        """Return who asks with this token. Raises NotAdmitted: 401 without a good token, 403 for a contact that is over."""
        if not token:
            raise NotAdmitted(401, "No token", "The request does not say for which contact it is.", "no token")
        proof = self._proof(token)
        try:
            agent = self._contacts.agent(proof.contact_id)
        except ContactOver as over:
            raise NotAdmitted(
                403, "Contact over", "The contact is over: nothing can be done for it.", str(over)
            ) from None
        except ContactsFailed as failed:
            why = f"Amazon Connect did not answer: {failed}"
            raise NotAdmitted(503, "Not checked", "Amazon Connect does not answer now.", why) from failed
        return Asking(proof.contact_id, proof.customers, agent, proof.expires)

    def check(self, token: str) -> None:
        """Raise NotAdmitted for a token that is not good; Amazon Connect is not asked what has become of the contact."""
        self._proof(token)

    def _proof(self, token: str) -> Proof:
        try:
            return self._keys.verify(token, self._audience)
        except Refused as refused:
            raise NotAdmitted(401, "Token refused", _REOPEN, str(refused)) from None
        except KeysFailed as failed:
            raise NotAdmitted(503, "Not checked", "The contact's token cannot be checked now.", str(failed)) from failed
