"""Made-up ids and ARNs, the same in every run. Pure."""

ACCOUNT = "111122223333"
REGION = "us-east-1"
INSTANCE = "arn:aws:connect:" + REGION + ":" + ACCOUNT + ":instance/00000000-0000-4000-8000-000000000001"


def arn(kind: str, number: int) -> str:
    """Return a made-up ARN below the made-up instance, e.g. for arn("queue", 1)."""
    return INSTANCE + "/" + kind + "/" + identifier(number)


def identifier(number: int) -> str:
    """Return a made-up UUID."""
    return "00000000-0000-4000-8000-" + ("000000000000" + str(number))[-12:]
