import csv
import json
from pathlib import Path

import numpy as np
import pytest

from facegate.data.protocols.openset import read_open_set
from facegate.data.protocols.pairs import PairProtocol, read_pairs
from facegate.data.protocols.people import read_people
from facegate.errors import InputError
from facegate.evaluation.identification import IdentificationResult
from facegate.evaluation.pairs import VerificationResult
from facegate.evaluation.run import Evaluation, compare_results, measure, with_shuffled_labels
from facegate.evaluation.tables import difference_lines, differences_json, result_lines
from facegate.models.pipeline import Pipeline


def evaluation_of(protocol: object, pipeline: Pipeline) -> Evaluation:
    evaluation = Evaluation(protocol, aligned=True)  # type: ignore[arg-type]
    evaluation._pipelines["squares"] = pipeline
    return evaluation


def pair_list(crowd: Path, tmp_path: Path) -> PairProtocol:
    path = tmp_path / "pairs.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_a", "image_b", "same", "fold", "group"])
        for k in range(40):
            group = "odd" if k % 2 else "even"
            for photo in range(1, 4):
                writer.writerow([f"p{k:02d}/0.png", f"p{k:02d}/{photo}.png", 1, k % 5, group])
                other = f"p{(k + 2 * photo) % 40:02d}/{photo}.png"
                writer.writerow([f"p{k:02d}/0.png", other, 0, k % 5, group])
    return read_pairs(path, crowd)


def test_pairs_have_accuracy_rates_and_groups(
    squares: Pipeline, crowd: Path, tmp_path: Path
) -> None:
    evaluation = evaluation_of(pair_list(crowd, tmp_path), squares)
    result = evaluation.measure("squares")
    assert isinstance(result, VerificationResult)
    value = result.as_json()
    json.dumps(value, allow_nan=False)
    wanted = {"protocol", "model", "pairs", "accuracy", "sem", "eer", "auc", "tar", "threshold"}
    assert wanted | {"failures", "ci95", "groups"} <= set(value)
    assert value["protocol"] == "pairs"
    assert value["pairs"] == 240
    assert value["accuracy"] > 0.95
    assert value["tar"]["0.1"] > 0.9
    assert value["tar"]["0.01"] is None
    assert set(value["groups"]) == {"even", "odd"}
    assert value["groups"]["even"] is None  # twenty people: too few to show
    text = "\n".join(result_lines(result))
    assert "standard error of 5 folds" in text
    assert "not resolvable at FAR 0.01" in text


def test_a_photograph_without_a_face_is_an_error_of_both_kinds(
    squares: Pipeline, crowd: Path, tmp_path: Path
) -> None:
    evaluation = evaluation_of(pair_list(crowd, tmp_path), squares)
    whole = evaluation.measure("squares")
    embedded = evaluation.embedded("squares")[0]
    embedded.found[0] = False
    result = measure(evaluation.protocol, (embedded,), "squares")
    assert isinstance(result, VerificationResult)
    assert isinstance(whole, VerificationResult)
    assert result.accuracy is not None
    assert whole.accuracy is not None
    protocol = pair_list(crowd, tmp_path)
    spoiled = int(((protocol.a == 0) | (protocol.b == 0)).sum())
    assert result.n_failed_pairs == spoiled > 3
    expected = whole.accuracy.accuracy.value - spoiled / 240
    assert result.accuracy.accuracy.value == pytest.approx(expected, abs=0.01)


def test_people_are_compared_with_everybody(squares: Pipeline, crowd: Path) -> None:
    evaluation = evaluation_of(read_people(crowd, split="cal"), squares)
    result = evaluation.measure("squares")
    assert isinstance(result, VerificationResult)
    assert result.figures.n_people == 39
    assert result.figures.n_genuine == 39 * 6
    assert result.figures.n_impostor == (156 * 155 - 39 * 4 * 3) // 2
    assert result.groups["y"] is None
    assert result.groups["x"] is not None
    assert result.accuracy is None


def test_strangers_are_not_named(squares: Pipeline, crowd: Path, tmp_path: Path) -> None:
    enrolled, probes = tmp_path / "enrolled", tmp_path / "probes"
    for person in range(40):
        name = f"p{person:02d}"
        for photo in range(4):
            side = enrolled if photo < 2 and person < 20 else probes
            target = side / name / f"{photo}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(crowd / name / f"{photo}.png")
    evaluation = evaluation_of(read_open_set(enrolled, probes), squares)
    result = evaluation.measure("squares")
    assert isinstance(result, IdentificationResult)
    value = result.as_json()
    json.dumps(value, allow_nan=False)
    wanted = {"rank1", "dir", "n_identities", "mated", "nonmated", "failures", "ci95"}
    assert wanted <= set(value)
    assert (value["n_identities"], value["mated"], value["nonmated"]) == (20, 40, 80)
    assert value["rank1"] > 0.9
    assert value["dir"] == {"0.1": None, "0.01": None, "0.001": None}  # 80 strangers: 0.125
    assert any("open set: 20 identities" in line for line in result_lines(result))
    swapped = measure(
        with_shuffled_labels(evaluation.protocol), evaluation.embedded("squares"), "squares"
    )
    assert isinstance(swapped, IdentificationResult)
    assert swapped.figures.rank1.value < 0.1


def test_shuffled_labels_are_at_chance(squares: Pipeline, crowd: Path, tmp_path: Path) -> None:
    for protocol in (pair_list(crowd, tmp_path), read_people(crowd)):
        evaluation = evaluation_of(protocol, squares)
        result = measure(with_shuffled_labels(protocol), evaluation.embedded("squares"), "squares")
        assert isinstance(result, VerificationResult)
        assert result.figures.eer.low is not None
        assert result.figures.eer.high is not None
        assert result.figures.eer.low < 0.5 < result.figures.eer.high


def test_a_model_against_itself_is_no_better(squares: Pipeline, crowd: Path) -> None:
    evaluation = evaluation_of(read_people(crowd), squares)
    evaluation._pipelines["again"] = squares
    found = evaluation.compare("squares", "again")
    assert not any(entry.is_clear for entry in found)
    assert "no clear difference" in difference_lines(found, "a", "b")[0]
    assert differences_json(found, "a", "b")["verdict"].startswith("no clear difference")
    with pytest.raises(ValueError, match="different protocols"):
        compare_results(evaluation.measure("squares"), None)  # type: ignore[arg-type]


def test_pairs_of_one_kind_have_no_rates(squares: Pipeline, crowd: Path, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("image_a,image_b,same\np00/0.png,p00/1.png,1\n")
    with pytest.raises(InputError, match="no pair of two people"):
        evaluation_of(read_pairs(path, crowd), squares).measure("squares")


def test_pairs_without_a_face_have_no_rates(squares: Pipeline, crowd: Path, tmp_path: Path) -> None:
    evaluation = evaluation_of(pair_list(crowd, tmp_path), squares)
    (embedded,) = evaluation.embedded("squares")
    embedded.found[:] = False
    with pytest.raises(InputError, match="no pair has two usable faces"):
        evaluation.measure("squares")


def test_a_fold_is_judged_by_others_that_have_faces(
    squares: Pipeline, crowd: Path, tmp_path: Path
) -> None:
    path = tmp_path / "pairs.csv"
    lines = ["image_a,image_b,same,fold,group"]
    for k, fold in enumerate((3, 4)):
        lines += [
            f"p{k:02d}/0.png,p{k:02d}/1.png,1,{fold},",
            f"p{k:02d}/0.png,p05/{k}.png,0,{fold},",
        ]
    path.write_text("\n".join(lines) + "\n")
    evaluation = evaluation_of(read_pairs(path, crowd), squares)
    (embedded,) = evaluation.embedded("squares")
    result = evaluation.measure("squares")
    assert isinstance(result, VerificationResult)
    assert result.groups == {}  # an empty cell is no group
    embedded.found[[path.parent.name == "p01" for path in evaluation.protocol.photos]] = False  # type: ignore[union-attr]
    with pytest.raises(InputError, match="only fold 3 has pairs with two usable faces"):
        evaluation.measure("squares")


def test_one_person_alone_has_no_rates(squares: Pipeline, crowd: Path, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "p00").symlink_to(crowd / "p00")
    with pytest.raises(InputError, match="need two people"):
        evaluation_of(read_people(tmp_path / "alone"), squares).measure("squares")


def test_labels_are_dealt_out_the_same_every_time(crowd: Path, tmp_path: Path) -> None:
    protocol = pair_list(crowd, tmp_path)
    one, other = with_shuffled_labels(protocol), with_shuffled_labels(protocol)
    assert isinstance(one, PairProtocol)
    assert isinstance(other, PairProtocol)
    assert np.array_equal(one.same, other.same)
    assert one.same.sum() == protocol.same.sum()
