"""What enrol.py measured of one person with one model, and the figures over all of them."""

import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegate.guide import Coach, View
from facegate.models.values import Floats
from facegate.quality import light_share

N_RESAMPLED = 300


@dataclass(frozen=True, eq=False)
class Session:
    """One person before the camera, and other photographs of the same person.

    Attributes:
        views: every frame as the coach sees it.
        probes: (p, D) embeddings of the other photographs.
        same_person: the coach's bound.
    """

    views: list[View]
    probes: Floats
    same_person: float

    def save(self, path: Path) -> None:
        """Write the session to a file, whole or not at all."""
        part = path.with_suffix(".part")
        part.write_bytes(pickle.dumps(self))
        part.replace(path)

    @staticmethod
    def load(path: Path) -> "Session":
        """Read back what ``save`` wrote here."""
        session = pickle.loads(path.read_bytes())
        assert isinstance(session, Session)
        return session


class Sitting:
    """A session after the coach has seen it.

    Attributes:
        rows: (n, D) embeddings of the largest face of every frame that has one.
        measures: (n, 5) sharpness, brightness, size_px, frontality, overall of these frames.
        kept: which of them the coach keeps, the best first; empty where it refused.
        random: as many drawn at random.
        probes: as the session's.
        ended_s: when the coach had enough.
        code: why it refused, or empty.
        refused: how many frames it refused for each reason.
    """

    def __init__(self, session: Session, seed: int) -> None:
        coach = Coach(same_person=session.same_person)
        for view in session.views:
            self.ended_s = view.time_s
            if coach.see(view).state != "going":
                break
        verdict = coach.finish()
        seen = [view for view in session.views if view.embedding is not None]
        numbers = {view.time_s: i for i, view in enumerate(seen)}
        qualities = [view.quality for view in seen if view.quality is not None]
        self.rows = np.stack([view.embedding for view in seen if view.embedding is not None])
        self.measures = np.array(
            [[q.sharpness, q.brightness, q.size_px, q.frontality, q.overall] for q in qualities]
        )
        self.kept = np.array([numbers[frame.time_s] for frame in verdict.kept], int)
        order = np.random.default_rng(seed).permutation(len(seen))
        self.random = order[: len(self.kept) or coach.best]
        self.probes, self.code, self.refused = session.probes, verdict.code, coach.refused

    def best_by(self, values: NDArray[np.float64]) -> Floats:
        """Return the templates of as many frames with the highest values."""
        return self.rows[np.argsort(-values)[: len(self.random)]]


METHODS: dict[str, Callable[[Sitting], Floats]] = {
    "the coach's": lambda s: s.rows[s.kept],
    "random": lambda s: s.rows[s.random],
    "sharpest": lambda s: s.best_by(s.measures[:, 0]),
    "best lit": lambda s: s.best_by(np.array([light_share(v) for v in s.measures[:, 1]])),
    "largest": lambda s: s.best_by(s.measures[:, 2]),
    "most frontal": lambda s: s.best_by(s.measures[:, 3]),
    "best overall": lambda s: s.best_by(s.measures[:, 4]),
    "all frames": lambda s: s.rows,
}


def scores(sittings: list[Sitting], method: Callable[[Sitting], Floats]) -> list[list[Floats]]:
    """Return, by templates' person and probes' person, each probe's best score."""
    table = []
    for sitting in sittings:
        templates = method(sitting)
        table.append(
            [
                (other.probes @ templates.T).max(axis=1)
                if len(templates)
                else np.full(len(other.probes), -1.0, np.float32)
                for other in sittings
            ]
        )
    return table


def fnmr(table: list[list[Floats]], weights: NDArray[np.int_], fmr: float) -> tuple[float, float]:
    """Return FNMR and threshold, each person counted as often as ``weights`` says."""
    people = [i for i in range(len(table)) if weights[i]]
    impostor = [(table[i][j], weights[i] * weights[j]) for i in people for j in people if i != j]
    values = np.concatenate([row for row, _ in impostor])
    counts = np.concatenate([np.full(len(row), weight) for row, weight in impostor])
    order = np.argsort(-values)
    allowed = int(fmr * counts.sum())
    at = int(np.searchsorted(np.cumsum(counts[order]), allowed, side="right"))
    bound = float(values[order[min(at, len(order) - 1)]])  # accepted above it: at most fmr
    genuine = np.concatenate([table[i][i] for i in people])
    each = np.concatenate([np.full(len(table[i][i]), weights[i]) for i in people])
    return float((each * (genuine <= bound)).sum() / each.sum()), bound


def print_figures(model: str, sessions: list[Session]) -> None:
    """Print how the enrolments went and what every way of choosing frames gives."""
    sittings = [Sitting(session, seed) for seed, session in enumerate(sessions)]
    enrolled = [sitting for sitting in sittings if len(sitting.kept)]
    ended = sorted(sitting.ended_s for sitting in enrolled)
    codes = Counter(sitting.code for sitting in sittings if sitting.code)
    print(f"\n{model}: {len(enrolled)} of {len(sittings)} enrolled, refused: {dict(codes) or 0}")
    print(f"enrolled after {np.median(ended):.1f} s (median), {ended[-1]:.1f} s (longest)")
    n_kept = sorted(len(sitting.kept) for sitting in enrolled)
    print(f"frames kept: {n_kept[0]} to {n_kept[-1]}, median {np.median(n_kept):.0f}")
    refused = sum((sitting.refused for sitting in sittings), Counter[str]())
    print(f"frames refused: {dict(refused.most_common())}")
    for fmr in (1e-2, 1e-3):
        _print_rate(enrolled, fmr)


def _print_rate(sittings: list[Sitting], fmr: float) -> None:
    rng = np.random.default_rng(0)
    n = len(sittings)
    drawn = [np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(N_RESAMPLED)]
    tables = {name: scores(sittings, method) for name, method in METHODS.items()}
    resampled = {
        name: np.array([fnmr(table, weights, fmr)[0] for weights in drawn])
        for name, table in tables.items()
    }
    n_probes = sum(len(sitting.probes) for sitting in sittings)
    print(f"FMR {fmr:g}: {n_probes} genuine, {n_probes * (n - 1)} impostor comparisons")
    for name, table in tables.items():
        missed, bound = fnmr(table, np.ones(n, int), fmr)
        low, high = np.percentile(resampled[name], [2.5, 97.5])
        ratios = resampled[name] / np.maximum(resampled["random"], 1e-9)
        least, most = np.percentile(ratios, [2.5, 97.5])
        print(
            f"  {name:<13} FNMR {100 * missed:5.1f} % [{100 * low:.1f}, {100 * high:.1f}]  "
            f"threshold {bound:.3f}  of random: [{least:.2f}, {most:.2f}]"
        )
