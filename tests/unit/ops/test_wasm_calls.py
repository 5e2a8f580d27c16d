"""What the build knows of calls: that they work is held by tests/unit/pyapp/shared_python.py, in the browser."""

from __future__ import annotations

import pytest

from ops.wasm_calls import call_module


@pytest.mark.parametrize("name", ["invoke_vij", "invoke_di", "invoke_", "other_ii"])
def test_a_call_with_anything_but_integers_of_32_bits_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        call_module([name])
