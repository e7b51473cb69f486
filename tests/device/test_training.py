"""Every setting and every family trains and predicts on the device, and the host waits for it once a step and once a
batch."""

from __future__ import annotations

import pytest
import transformers

from device.cases import by_family, by_setting, name
from device.conftest import passed
from device.known_waits import KNOWN, is_known

VERSION = int(transformers.__version__.split(".")[0])
CASES = [("settings", family, name(family, settings)) for family, settings in by_setting()]
CASES += [("families", family, name(family, settings)) for family, settings in by_family()]
each_case = pytest.mark.parametrize(("group", "family", "case"), CASES, ids=[case for _, _, case in CASES])


def unknown(family: str, waits: list[dict]) -> list[str]:
    return [
        f"{wait['kind']} @ {' <- '.join(wait['frames'])}"
        for wait in waits
        if not is_known(family, wait, VERSION)
    ]


@each_case
def test_trains_and_predicts(on_device, group, family, case):
    found = passed(on_device("training", group), case)
    assert found["losses"][-1] < found["losses"][0] / 3
    assert found["found"] == found["gold"]
    wanted = "fp16" if "fp16" in case else "fp32" if "fp32" in case else "bf16"
    assert found["precision"] == ("fp32" if family == "deberta" else wanted)


@each_case
def test_waits_once_an_update(on_device, group, family, case):
    waits = unknown(family, passed(on_device("training", group), case)["waits"])
    assert len(waits) == 1, "\n".join(waits)


@each_case
def test_waits_for_a_batchs_own_copy_alone(on_device, group, family, case):
    """The event after the scores' copy, once a batch of `nlp.pipe`."""
    found = passed(on_device("training", group), case)
    waits = unknown(family, found["piped"])
    assert [wait.partition(" ")[0] for wait in waits] == ["event"] * found["batches"], "\n".join(waits)


@pytest.mark.parametrize(
    ("family", "known"), [(f, k) for f, entries in KNOWN.items() for k in entries if VERSION in k.versions]
)
def test_a_known_wait_is_still_there(on_device, family, known):
    """Or the table lets something pass."""
    case = passed(
        on_device("training", "families"), name(family, {"mixed_precision": "bf16", "dropout": 0.1})
    )
    assert known in [is_known(family, wait, VERSION) for wait in case["waits"]]
