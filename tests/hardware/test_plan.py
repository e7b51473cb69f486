"""The plan: times, prices, the rule of thumb, SkyPilot, and this machine's measured speed."""

import csv
import dataclasses
import io
import json
import re
import sys
import threading
import time
import zipfile
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudner.errors import CloudnerError, InputError
from cloudner.hardware import GPU, CorpusStats, EncoderShape, plan, sky_task, write_sky
from cloudner.hardware.planning import prices
from cloudner.hardware.planning.prices import cheapest, embedded_prices, from_offers, given_prices
from cloudner.hardware.planning.several import Several, all_reduce_seconds, worth
from cloudner.hardware.planning.sky import FINISHED
from cloudner.hardware.planning.speed import (
    accelerator_of,
    accelerators,
    epoch_load,
    flops_per_piece,
    rated,
    windows,
)
from cloudner.hardware.planning.tables import markdown
from cloudner.model import benchmark as timing
from cloudner.model.benchmark import time_training

BASE = "bert-base-cased"
LISTED = ["T4", "L4", "A10G", "L40S", "A100-40", "A100-80", "H100", "H200", "B200"]
BY_HAND = ["RTX3090", "RTX4090", "A800-80", "H20", "V100-32"]  # no list price: --price says what they cost
CLOUD = [*LISTED, *BY_HAND]


def sentences(count):
    return CorpusStats.from_numbers(count, 15)


def test_the_rule_of_thumb_is_the_default_and_is_what_the_readme_says(machine, request):
    readme = " ".join((request.config.rootpath / "README.md").read_text(encoding="utf-8").split())
    said = re.search(r"a T4 below ([\d,]+) sentences, an A10G up to ([\d,]+), an A100 above", readme)
    low, high = (int(number.replace(",", "")) for number in said.groups())
    for count, gpu in ((1_000, "T4"), (low - 1, "T4"), (low, "A10G"), (high, "A10G"), (high + 1, "A100-40"), (10**7, "A100-40")):  # fmt: skip
        made = plan(sentences(count), BASE, hardware=machine("cpu-only"))
        assert made.recommended == made.rule_of_thumb == gpu, count
        assert "rule of thumb" in made.reason


def test_every_machine_is_there(machine):
    made = plan(sentences(1000), BASE, hardware=machine("cpu-only"))
    assert [row.machine for row in made.rows] == [*CLOUD, "this machine, CPU"]
    made = plan(sentences(1000), BASE, hardware=machine("t4"))
    assert [row.machine for row in made.rows] == [*CLOUD, "this machine", "this machine, CPU"]
    assert made.row("this machine").settings.device == "cuda:0"
    assert made.row("this machine, CPU").settings.device == "cpu"
    with pytest.raises(InputError, match="no machine 'TPU'"):
        made.row("TPU")


def test_outside_the_rule_the_estimate_decides(machine):
    made = plan(sentences(50_000), "xlm-roberta-large", hardware=machine("cpu-only"))
    assert "outside the rule of thumb" in made.reason
    quick = [row for row in made.rows if row.usd_total is not None and row.minutes_total <= 480]
    assert made.recommended == min(quick, key=lambda row: row.usd_total).machine


@pytest.mark.parametrize("layers", [12, 24, 36])
def test_a_card_too_small_is_said_to_be_and_a_larger_one_is_not(machine, layers):
    giant = EncoderShape("giant", 4096, layers, 32, 16384, 250_000)
    made = plan(sentences(1000), giant, hardware=machine("cpu-only"))
    by_memory = sorted(accelerators(), key=lambda row: row["memory_gib"])
    fits = [made.row(row["name"]).fits for row in by_memory]
    assert fits == sorted(fits), "what fits a card fits a larger one"
    assert set(fits) == {False, True}
    for row in made.rows:
        assert row.fits or row.usd_total is None
    # the optimizer's 16 bytes per weight alone
    assert not any(
        made.row(row["name"]).fits for row in by_memory if row["memory_gib"] * 2**30 < 16 * giant.parameters
    )


def test_cost_follows_price_and_epochs(machine):
    def row(price, epochs):
        made = plan(
            sentences(200_000), BASE, hardware=machine("cpu-only"), prices={"a10g": price}, epochs=epochs
        )
        return made.row("A10G")

    once, dear, long = row(2.5, 1), row(5.0, 1), row(2.5, 3)
    assert (once.usd_per_hour, dear.usd_per_hour) == (2.5, 5.0)
    assert dear.minutes_total == once.minutes_total
    assert dear.usd_total == pytest.approx(2 * once.usd_total)
    assert long.minutes_total == pytest.approx(3 * once.minutes_total)
    assert long.usd_total == pytest.approx(3 * once.usd_total)
    assert once.usd_total == pytest.approx(2.5 / 60 * once.minutes_total)


def test_a_small_corpus_takes_the_least_number_of_steps(machine):
    def rows(count, **wanted):
        made = plan(sentences(count), BASE, hardware=machine("cpu-only"), **wanted)
        return made.row("A10G"), made.row("this machine, CPU"), markdown(made)

    card, cpu, text = rows(320)  # 20 updates an epoch
    assert card.updates_per_epoch == cpu.updates_per_epoch == 20
    assert (card.epochs, cpu.epochs) == (15, 30)  # 300 and 600 steps, as gpu.cfg and cpu.cfg say
    assert card.minutes_total == pytest.approx(15 * card.minutes_per_epoch)
    assert "15 epochs for 300 steps, 30 epochs for 600 steps" in text
    card, cpu, text = rows(320, min_steps=0)
    assert (card.epochs, cpu.epochs) == (3, 3)
    assert "small corpus" not in text
    assert rows(320, min_steps=40)[0].epochs == 3
    assert rows(16_000)[0].epochs == 3
    with pytest.raises(InputError, match="at least -1 steps"):
        rows(320, min_steps=-1)


@settings(max_examples=20, deadline=None)
@given(st.integers(1000, 10**6), st.floats(5, 40))
def test_twice_the_corpus_takes_twice_as_long(count, words):
    shape = EncoderShape.from_name(BASE)
    gpu_rate = rated(_gpu("T4"), shape, "fp16")

    def seconds(stats):
        return epoch_load(shape, stats, batch_pieces=8192).seconds(gpu_rate, shape.parameters)

    once = seconds(CorpusStats.from_numbers(count, words))
    assert seconds(CorpusStats.from_numbers(2 * count, words)) == pytest.approx(2 * once, rel=0.1)


def _gpu(name):
    from cloudner.hardware.planning.plan import cloud_machine

    return cloud_machine(next(row for row in accelerators() if row["name"] == name)).gpus[0]


def test_faster_cards_are_faster():
    shape = EncoderShape.from_name("bert-large-cased")
    load = epoch_load(shape, sentences(10_000), batch_pieces=16384)
    times = [
        load.seconds(rated(_gpu(name), shape, "fp16"), shape.parameters)
        for name in ("T4", "A10G", "A100-40", "H100", "B200")
    ]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    ("parameters", "within", "between"), [(109e6, 2.1, 39), (355e6, 6.9, 129)], ids=["base", "large"]
)
def test_the_sum_of_gradients_takes_what_the_links_take(parameters, within, between):
    """8 x H100 at 360 GB/s; two machines at 100 Gb/s."""
    one, two = (1e3 * all_reduce_seconds(int(parameters), machines, 8, "H100") for machines in (1, 2))
    assert one == pytest.approx(within, abs=0.1)
    assert two - one == pytest.approx(between, abs=1.5)


def test_several_gpus_gain_with_large_batches_only(machine):
    here = machine("cpu-only")
    stats = CorpusStats.from_numbers(1_000_000, 15)
    small = plan(stats, BASE, hardware=here, several_of="h100")
    large = plan(stats, BASE, hardware=here, several_of="H100", docs_per_update=1024)
    assert [row.name for row in small.several] == ["1", "2", "4", "8", "2 x 8"]
    for made in (small, large):
        one, *_, eight, two = made.several
        assert made.several_of == "H100"
        assert (one.speedup, one.speedup_scaled) == (1.0, 1.0)
        assert one.minutes_total == pytest.approx(made.row("H100").minutes_total)
        assert two.minutes_total > eight.minutes_total  # and the plan says so
        assert "two machines are slower than one" in markdown(made)
        assert eight.cost == pytest.approx(8 * one.cost * eight.minutes_total / one.minutes_total)
    assert small.several[3].speedup < 1.1 < 2.0 < small.several[3].speedup_scaled
    assert large.several[3].speedup > 4
    assert "several H100 gain nothing at 16 documents a step" in markdown(small)
    assert "gain nothing" not in markdown(large)
    assert plan(stats, BASE, hardware=here).several == ()
    with pytest.raises(InputError, match="no cloud GPU"):
        plan(stats, BASE, hardware=here, several_of="this machine, CPU")


def test_operations_are_those_that_torch_counts():
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=50,
        hidden_size=128,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=512,
        attn_implementation="eager",
    )
    network = BertModel(config, add_pooling_layer=False).train()
    rows, length = 4, 64
    with FlopCounterMode(display=False) as counter:
        network(input_ids=torch.randint(0, 50, (rows, length))).last_hidden_state.sum().backward()
    formula = flops_per_piece(EncoderShape("x", 128, 3, 4, 512, 50), length) * rows * length
    assert formula == pytest.approx(counter.get_total_flops(), rel=0.05)


def test_long_documents_become_overlapping_windows():
    assert windows(512, 512, 64) == [512]
    rows = windows(1000, 512, 64)
    assert len(rows) == 3
    assert rows[:2] == [512, 512]
    assert sum(rows) == 1000 + 2 * 128


def test_prices_are_dated_and_sourced():
    names = {row["name"] for row in accelerators()}
    prices = embedded_prices()
    assert {price.gpu for price in prices} == names - set(BY_HAND)
    for price in prices:
        assert 0 < price.per_hour / price.gpus < 20
        assert price.currency == "USD"
        assert price.listed.startswith("2026-")
        assert price.source.startswith("https://")


def test_every_card_has_a_large_cloud_and_two_specialised_ones_or_says_which_is_missing():
    record = json.loads((Path(prices.__file__).parent / "prices.json").read_text(encoding="utf-8"))
    missing = {(gpu, row["provider"]) for row in record["not_found"] for gpu in row["gpus"]}
    large = {"AWS", "Google Cloud", "Azure"}
    assert set(BY_HAND) <= {gpu for gpu, _ in missing}
    for name in LISTED:
        found = {price.provider for price in embedded_prices() if price.gpu == name}
        assert found & large, name
        assert len(found - large) >= 2 or ((name, "RunPod") in missing and (name, "Lambda") in missing), name
        assert not {provider for gpu, provider in missing if gpu == name} & found


def test_who_needs_one_card_of_eight_pays_for_eight():
    found = cheapest(embedded_prices(), "aws")
    assert (found["H200"].gpus, found["H200"].per_hour) == (8, 63.296)
    assert cheapest(embedded_prices())["H200"].gpus == 1


def test_one_provider_only():
    assert {price.provider for price in cheapest(embedded_prices(), "lambda").values()} == {"Lambda"}
    with pytest.raises(InputError, match="no prices of the provider 'nobody'; expected one of AWS, "):
        cheapest(embedded_prices(), "nobody")


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("Tesla T4", "T4"),
        ("NVIDIA A10", "A10"),
        ("NVIDIA A10G", "A10G"),
        ("NVIDIA A100 80GB PCIe", "A100-80 PCIe"),
        ("NVIDIA A100-SXM4-80GB", "A100-80"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H100 PCIe", "H100 PCIe"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA L40", None),
        ("NVIDIA GeForce RTX 3060 Laptop GPU", "RTX 3060 Laptop"),
        ("NVIDIA GeForce RTX 3060", None),
        ("NVIDIA GeForce RTX 3090", "RTX3090"),
        ("NVIDIA GeForce RTX 3090 Ti", None),
        ("NVIDIA GeForce RTX 4090", "RTX4090"),
        ("NVIDIA GeForce RTX 4090 D", None),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", None),
        ("NVIDIA A800-SXM4-80GB", "A800-80"),
        ("NVIDIA A800 80GB PCIe", "A800-80 PCIe"),
        ("NVIDIA H20", "H20"),
        ("NVIDIA H20-3e", None),
        ("Tesla V100-SXM2-32GB", "V100-32"),
        ("Tesla V100-SXM2-16GB", "V100"),
    ],
)
def test_a_card_is_found_in_the_table(name, row):
    found = accelerator_of(GPU(0, name, 2**34))
    assert (found["name"] if found else None) == row


@pytest.mark.parametrize("name", ["t4", "l4", "a10g", "a100", "h100", "h200", "b200"])
def test_the_tables_memory_is_what_such_a_machine_reports(machine, name):
    gpu = machine(name).gpus[0]
    row = accelerator_of(gpu)
    assert row["memory_gib"] == pytest.approx(gpu.memory_total / 2**30, rel=0.035)
    assert tuple(row["compute_capability"]) == gpu.compute_capability


@pytest.mark.parametrize("pair", ["A10G", "A10G=cheap", "A10G=-1", "A10G=nan", "A10G=inf", "TPU=3"])
def test_bad_prices_are_one_clear_error(pair):
    with pytest.raises(InputError):
        given_prices([pair])


def test_gpuhunts_offers_become_prices():
    def offer(name, memory, price):
        return SimpleNamespace(
            gpu_name=name,
            gpu_memory=memory,
            gpu_count=1,
            price=price,
            provider="aws",
            instance_name="x",
            location="y",
        )

    offers = [
        offer("A100", 40.0, 3.0),
        offer("A100", 80.0, 4.0),
        offer("T4", 16.0, 0.5),
        offer("P4", 8.0, 0.1),
    ]
    assert {price.gpu: price.per_hour for price in from_offers(offers)} == {
        "A100-40": 3.0,
        "A100-80": 4.0,
        "T4": 0.5,
    }


def test_live_prices_without_gpuhunt_are_one_clear_error(monkeypatch, machine):
    monkeypatch.setitem(sys.modules, "gpuhunt", None)  # as if it were not installed
    with pytest.raises(CloudnerError, match=r'try: pip install "cloudner\[prices\]"'):
        plan(sentences(1000), BASE, hardware=machine("cpu-only"), live=True)


def test_gpuhunts_own_catalogue_is_understood():
    """Its items, made by its own class, and its names of the cards."""
    gpuhunt = pytest.importorskip("gpuhunt")
    item = gpuhunt.CatalogItem(
        provider="aws",
        instance_name="g5.xlarge",
        location="us-east-1",
        price=1.006,
        cpu=4,
        memory=16,
        gpu_count=1,
        gpu_name="A10G",
        gpu_memory=24,
        spot=False,
        disk_size=None,
        gpu_vendor=gpuhunt.AcceleratorVendor.NVIDIA,
    )
    assert from_offers([item])[0].per_hour == 1.006
    assert {row["gpuhunt"] for row in accelerators() if row["gpuhunt"]} <= {
        gpu.name for gpu in gpuhunt.KNOWN_NVIDIA_GPUS
    }


OFFER = {"location": "us-east-1", "cpu": 4, "memory": 16, "spot": False, "gpu_vendor": "nvidia"}
OFFERS = [
    {"instance_name": "g4dn.xlarge", "price": 0.5, "gpu_count": 1, "gpu_name": "T4", "gpu_memory": 16},
    {"instance_name": "spot", "price": 0.1, "gpu_count": 1, "gpu_name": "T4", "gpu_memory": 16, "spot": True},
    {"instance_name": "p4de", "price": 27, "gpu_count": 8, "gpu_name": "A100", "gpu_memory": 80},
    {"instance_name": "small", "price": 0.1, "gpu_count": 1, "gpu_name": "P4", "gpu_memory": 8},
]


def test_live_prices_come_through_gpuhunt_itself(monkeypatch, tmp_path):
    """The real package downloads its catalogue, from a server of this test, and answers our query."""
    pytest.importorskip("gpuhunt")
    text = io.StringIO()
    fields = ["instance_name", "location", "price", "cpu", "memory", "gpu_count", "gpu_name", "gpu_memory"]
    writer = csv.DictWriter(text, [*fields, "spot", "disk_size", "gpu_vendor"])
    writer.writeheader()
    writer.writerows({**OFFER, **offer} for offer in OFFERS)
    (tmp_path / "aws" / "1").mkdir(parents=True)
    (tmp_path / "aws" / "version").write_text("1")
    with zipfile.ZipFile(tmp_path / "aws" / "1" / "catalog.zip", "w") as archive:
        archive.writestr("aws.csv", text.getvalue())

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("GPUHUNT_CATALOG_URL", f"http://127.0.0.1:{server.server_port}")
    cached = getattr(sys.modules["gpuhunt._internal.default"].default_catalog, "cache_clear", lambda: None)
    cached()
    try:
        found = prices.live_prices()
    finally:
        cached()
        server.shutdown()
        server.server_close()
    assert [(p.gpu, p.per_hour, p.provider, p.gpus) for p in found] == [
        ("T4", 0.5, "aws", 1),
        ("A100-80", 27.0, "aws", 8),
    ]


def test_json_and_markdown(machine):
    made = plan(sentences(1000), BASE, hardware=machine("cpu-only"))
    record = json.loads(json.dumps(made.to_dict()))
    assert record["recommended"] == "T4"
    settings = record["rows"][0]["settings"]
    assert settings["mixed_precision"] == settings["precision"] == "fp16"  # the latter is the earlier name
    text = markdown(made)
    assert "| **T4** |" in text
    assert len([line for line in text.splitlines() if line.startswith("|")]) == len(made.rows) + 2


@pytest.fixture
def made(machine):
    return plan(sentences(200_000), BASE, hardware=machine("cpu-only"))


def test_the_skypilot_task(made):
    task = sky_task(made)
    assert task["resources"]["accelerators"] == {"A10G": 1}
    assert task["resources"]["use_spot"] is True
    assert task["file_mounts"]["/checkpoints"] == {"name": "cloudner-checkpoints", "mode": "MOUNT_CACHED"}
    assert task["envs"]["OUTPUT"] == "/checkpoints/training"
    assert 'cloudner train "$CONFIG" --gpu-id 0 --output "$OUTPUT" --checkpoint-minutes 5' in task["run"]
    assert sky_task(made, machine="a100-80")["resources"]["accelerators"] == {"A100-80GB": 1}
    # the keys that SkyPilot's schema knows
    assert task.keys() <= {"name", "resources", "workdir", "file_mounts", "envs", "setup", "run"}


def test_the_skypilot_task_asks_for_as_many_gpus_as_are_worth_it(machine):
    here, stats = machine("cpu-only"), sentences(1_000_000)
    large = plan(stats, BASE, hardware=here, several_of="H100", docs_per_update=1024)
    task = sky_task(large, machine="H100")
    assert worth(large.several) == 4
    assert task["resources"]["accelerators"] == {"H100": 4}
    assert 'train "$CONFIG" --ranks gpus --training.batcher.batch_size 1024 --output "$OUTPUT"' in task["run"]
    assert "--gpu-id" not in task["run"]
    minutes = next(row.minutes_total for row in large.several if row.name == "4")
    assert f"# planned: {minutes:.0f} minutes" in task["run"]
    assert task["resources"]["memory"] == "64+"  # of the host: each process holds the corpus
    # 16 documents a step are too few, and another GPU is not the one that was computed
    small = plan(stats, BASE, hardware=here, several_of="H100")
    for one in (sky_task(small, machine="H100"), sky_task(large, machine="A10G")):
        assert list(one["resources"]["accelerators"].values()) == [1]
        assert "--gpu-id 0" in one["run"]


def test_each_doubling_must_pay():
    def rows(*speedups):
        counts = ((1, 1), (1, 2), (1, 4), (1, 8), (2, 8))
        return tuple(
            Several(m, g, 1.0, 1.0, s, s, 1.0, None) for (m, g), s in zip(counts, speedups, strict=True)
        )

    assert worth(()) == 1
    assert worth(rows(1, 1.4, 2.8, 5.6, 11)) == 1  # the second does not pay
    assert worth(rows(1, 1.9, 3.5, 4.0, 8.0)) == 4
    assert worth(rows(1, 1.9, 3.5, 6.5, 13.0)) == 8  # of one machine


@pytest.mark.parametrize(
    "options",
    [{"machine": "this machine, CPU"}, {"machine": "TPU"}, {"machine": "H20"}, {"bucket": "Bad_Name"}],
)
def test_a_task_that_cannot_be(made, options):
    with pytest.raises(InputError):
        sky_task(made, **options)


def test_the_written_task_reads_back(made, tmp_path):
    import srsly

    path = write_sky(made, tmp_path / "new" / "task.yaml")
    assert srsly.yaml_loads(path.read_text(encoding="utf-8")) == sky_task(made)


def test_the_scripts_are_valid_shell(made):
    import shutil
    import subprocess

    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("needs bash")
    for script in ("setup", "run"):
        subprocess.run([shell, "-n"], input=sky_task(made)[script], text=True, check=True)


def test_a_finished_job_is_not_repeated_and_one_that_was_taken_goes_on(made, tmp_path):
    import shutil
    import subprocess

    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("needs bash")
    assert FINISHED in sky_task(made)["run"]
    output = tmp_path / "my training"

    def start():
        done = subprocess.run(
            [shell, "-e"], input=FINISHED + "echo trains", text=True, env={"OUTPUT": str(output)},
            capture_output=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    (output / "model-last").mkdir(parents=True)
    assert start() == "trains"
    (output / "run.json").write_text("{}")
    assert start() == f"already trained: {output}/model-best"


def test_skypilot_accepts_the_task(made, tmp_path):
    sky = pytest.importorskip("sky")
    task = sky.Task.from_yaml(str(write_sky(made, tmp_path / "task.yaml")))
    (resources,) = task.resources
    assert resources.accelerators == {"A10G": 1}
    assert resources.use_spot
    assert task.storage_mounts["/checkpoints"].mode == sky.StorageMode.MOUNT_CACHED


def test_this_machine_is_measured(machine):
    tiny = EncoderShape("tiny", 64, 2, 2, 128, 500)
    measured = time_training(tiny, sentences(500), threads=1, budget=1)
    assert measured.updates >= 2
    assert measured.flops > 1e6
    assert measured.seconds < 60
    cpu = dataclasses.replace(machine("cpu-only"))
    made = plan(sentences(500), tiny, hardware=cpu, calibration=measured)
    here = made.row("this machine, CPU")
    assert here.basis == "measured"
    assert made.row("T4").basis == "rated"
    slower = dataclasses.replace(measured, flops=measured.flops / 10, step=measured.step * 10)
    again = plan(sentences(500), tiny, hardware=cpu, calibration=slower)
    assert again.row("this machine, CPU").minutes_total > here.minutes_total


def test_no_length_is_timed_at_first_sight(monkeypatch):
    """Kernels are loaded, or generated, when a shape comes for the first time."""
    update, seen = timing._update, []

    def recorded(runner, optimizer, lengths, clock):
        seen.append(((len(lengths), max(lengths)), clock is time.perf_counter))
        return update(runner, optimizer, lengths, clock)

    monkeypatch.setattr(timing, "_update", recorded)
    tiny = EncoderShape("tiny", 64, 2, 2, 128, 500)
    measured = time_training(tiny, sentences(500), threads=1, budget=1, clock=time.perf_counter)
    timed = [i for i, (_, measures) in enumerate(seen) if measures and i]
    assert len(timed) == measured.updates
    for i in timed:
        assert seen[i][0] in [shape for shape, _ in seen[:i]]


def test_timing_leaves_torchs_random_numbers_alone():
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    time_training(EncoderShape("tiny", 64, 2, 2, 128, 500), sentences(500), threads=1, budget=0.1)
    assert torch.equal(torch.rand(3), expected)


def test_a_slow_machine_is_measured_in_time():
    """Updates too large for the budget are cut. Each look at the clock is so many seconds after the last one."""
    from itertools import count

    tiny = EncoderShape("tiny", 64, 2, 2, 128, 500)
    documents = CorpusStats.from_lengths([100] * 64)
    fast = time_training(tiny, documents, threads=1, budget=5, clock=count(0, 0.001).__next__)
    slow = time_training(tiny, documents, threads=1, budget=5, clock=count(0, 10).__next__)
    assert (fast.updates, fast.pieces) == (12, 12 * 16 * documents.longest)
    assert (slow.updates, slow.pieces) == (2, 2 * documents.longest)
