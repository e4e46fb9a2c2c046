# SPDX-License-Identifier: Apache-2.0
"""A site's own network, as an ONNX file with a manifest, is run by the OpenCV plug-in: the
number that comes out is the one that the file defines."""
import hashlib
import json
import pathlib
import shutil
import struct
import subprocess

import pytest

onnx = pytest.importorskip("onnx")

WEIGHTS = [[2.0, 0.001], [3.0, 0.0], [4.0, 0.0]]  # kg and confidence, of red, green, blue
BIAS = [1.0, 0.5]
COLOUR = (100, 150, 200)


def network(path):
    """The mean of each colour, and a linear function of the three."""
    from onnx import TensorProto, helper
    graph = helper.make_graph(
        [helper.make_node("GlobalAveragePool", ["x"], ["mean"]),
         helper.make_node("Conv", ["mean", "w", "b"], ["sum"], kernel_shape=[1, 1]),
         helper.make_node("Flatten", ["sum"], ["y"])],
        "linear", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor("w", TensorProto.FLOAT, [2, 3, 1, 1],
                            [w[column] for column in (0, 1) for w in WEIGHTS]),
         helper.make_tensor("b", TensorProto.FLOAT, [2], BIAS)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)])
    model.ir_version = 6
    onnx.save(model, str(path))


def jpeg(folder):
    """One colour, 64 by 48."""
    ppm = folder / "colour.ppm"
    ppm.write_bytes(b"P6\n64 48\n255\n" + bytes(COLOUR) * (64 * 48))
    return subprocess.run(["cjpeg", "-quality", "100", "-sample", "1x1", str(ppm)],
                          check=True, capture_output=True).stdout


@pytest.fixture
def plugin(build, tmp_path):
    library = build / "shims/vision/opencv.so"
    if not library.exists() or not shutil.which("cjpeg"):
        pytest.skip("built without OpenCV, or no cjpeg to make a picture with")
    shutil.copy(library, tmp_path)
    network(tmp_path / "linear.onnx")
    return tmp_path


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def manifest(folder, **changes):
    made = {"model": "linear", "version": "linear-1", "library": "opencv.so",
            "sha256": sha256(folder / "opencv.so"), "file": "linear.onnx",
            "file_sha256": sha256(folder / "linear.onnx"),
            "input": {"width": 8, "height": 8}, "scale": 1, **changes}
    path = folder / "linear.json"
    path.write_text(json.dumps({k: v for k, v in made.items() if v is not None}))
    return path


def ask(build, path, *pictures):
    """The worker's frames: its greeting, and an answer to each picture."""
    sent = b"".join(struct.pack("<I", len(p)) + p for p in pictures)
    out = subprocess.run([str(build / "shims/vision/farmiq-model-worker"), str(path)],
                         input=sent, capture_output=True, timeout=60).stdout
    frames = []
    while out:
        length, = struct.unpack_from("<I", out)
        frames.append(json.loads(out[4:4 + length]))
        out = out[4 + length:]
    return frames


def expected(column, scale=1.0):
    return BIAS[column] + sum(w[column] * c * scale for w, c in zip(WEIGHTS, COLOUR))


def test_the_number_is_the_networks(build, plugin):
    greeting, answer = ask(build, manifest(plugin), jpeg(plugin))
    assert greeting == {"status": "ready", "model": "linear", "version": "linear-1"}
    assert answer["weight_kg"] == pytest.approx(expected(0), rel=0.01)
    assert answer["confidence"] == pytest.approx(expected(1), rel=0.01)


def test_the_manifests_scale_is_applied(build, plugin):
    _, answer = ask(build, manifest(plugin, scale=1 / 255), jpeg(plugin))
    assert answer["weight_kg"] == pytest.approx(expected(0, 1 / 255), rel=0.01)


@pytest.mark.parametrize("changes, field", [
    ({"file": None, "file_sha256": None}, "file"),
    ({"file_sha256": "0" * 64}, "file"),
    ({"file": "../linear.onnx"}, "file"),
    ({"input": {"width": 0, "height": 8}}, "input"),
    ({"input": None}, "input"),
    ({"sha256": "0" * 64}, "library"),
])
def test_a_bad_manifest_is_refused_by_its_member(build, plugin, changes, field):
    refusal, = ask(build, manifest(plugin, **changes))
    assert (refusal["status"], refusal["field"]) == ("error", field)


def test_a_file_that_is_no_network_is_refused(build, plugin):
    (plugin / "linear.onnx").write_bytes(b"not a network")
    refusal, = ask(build, manifest(plugin))
    assert (refusal["status"], refusal["field"]) == ("error", "network")


def test_a_picture_that_is_none_costs_only_itself(build, plugin):
    _, bad, good = ask(build, manifest(plugin), b"GIF89a", jpeg(plugin))
    assert (bad["status"], bad["code"]) == ("error", "FARMIQ_E_SYNTAX")
    assert good["status"] == "ok"


def test_the_examples_of_the_manifests_are_the_builds(build):
    for path in pathlib.Path(build / "shims/vision").glob("*.json"):
        assert ask(build, path)[0]["status"] == "ready", path.name
