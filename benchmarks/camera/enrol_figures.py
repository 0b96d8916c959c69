"""What enrol.py measured of one person with one model, and the figures over all of them."""

import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegate.guide import Coach, View
from facegate.guide.judgement import look_for_problem
from facegate.models.values import Floats

N_RESAMPLED = 1000


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
        reasons: (n,) why the coach refuses each frame by itself, or "good".
        overall: (n,) overall quality of these frames.
        kept: which of them the coach keeps, the best first; empty where it refused.
        random: all of them in a random order.
        probes: as the session's.
        ended_s: when the coach had enough.
        code: why it refused, or empty.
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
        self.rows = np.stack([view.embedding for view in seen if view.embedding is not None])
        self.reasons = np.array([str(look_for_problem(view) or "good") for view in seen])
        self.overall = np.array([view.quality.overall for view in seen if view.quality])
        self.kept = np.array([numbers[frame.time_s] for frame in verdict.kept], int)
        self.random = np.random.default_rng(seed).permutation(len(seen))
        self.probes, self.code = session.probes, verdict.code


Method = Callable[[Sitting], Floats]
METHODS: dict[str, Method] = {
    "the coach's K": lambda s: s.rows[s.kept],
    "K random": lambda s: s.rows[s.random[: len(s.kept)]],
    "all frames": lambda s: s.rows,
    "the coach's first": lambda s: s.rows[s.kept[:1]],
    "one random": lambda s: s.rows[s.random[:1]],
}
AGAINST = {"the coach's K": "K random", "the coach's first": "one random"}


class Scores:
    """Each probe's best score with the templates of each person, the highest impostor first."""

    def __init__(self, sittings: list[Sitting], method: Method) -> None:
        best, owners, probed = [], [], []
        for i, sitting in enumerate(sittings):
            templates = method(sitting)
            for j, other in enumerate(sittings):
                best.append((other.probes @ templates.T).max(axis=1))
                owners.append(np.full(len(other.probes), i))
                probed.append(np.full(len(other.probes), j))
        score, i, j = np.concatenate(best), np.concatenate(owners), np.concatenate(probed)
        self.genuine, self.person = score[i == j], i[i == j]
        order = np.flatnonzero(i != j)
        order = order[np.argsort(-score[order])]
        self.impostor, self.i, self.j = score[order], i[order], j[order]

    def fnmr(self, fmr: float, weights: NDArray[np.int_]) -> tuple[float, float]:
        """Return FNMR and threshold, each person counted as often as the weights say."""
        counts = np.cumsum(weights[self.i] * weights[self.j])
        at = int(np.searchsorted(counts, fmr * counts[-1], side="right"))
        bound = float(self.impostor[min(at, len(counts) - 1)])  # accepted above it: at most fmr
        each = weights[self.person]
        return float((each * (self.genuine <= bound)).sum() / each.sum()), bound


def print_figures(model: str, sessions: list[Session]) -> None:
    """Print how the enrolments went, and what choosing and refusing frames gives."""
    sittings = [Sitting(session, seed) for seed, session in enumerate(sessions)]
    enrolled = [sitting for sitting in sittings if len(sitting.kept)]
    ended = sorted(sitting.ended_s for sitting in enrolled)
    codes = Counter(str(sitting.code) for sitting in sittings if sitting.code)
    print(f"\n{model}: {len(enrolled)} of {len(sittings)} enrolled, refused: {dict(codes) or 0}")
    print(f"enrolled after {np.median(ended):.1f} s (median), {ended[-1]:.1f} s (longest)")
    n_kept = sorted(len(sitting.kept) for sitting in enrolled)
    print(f"K, frames kept: {n_kept[0]} to {n_kept[-1]}, median {np.median(n_kept):.0f}")
    for fmr in (1e-2, 1e-3):
        _print_rates(enrolled, fmr)
    _print_reasons(enrolled)


def _print_rates(sittings: list[Sitting], fmr: float) -> None:
    rng = np.random.default_rng(0)
    n = len(sittings)
    drawn = [np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(N_RESAMPLED)]
    n_probes = sum(len(sitting.probes) for sitting in sittings)
    print(f"FMR {fmr:g}: {n_probes} genuine, {n_probes * (n - 1)} impostor comparisons")
    resampled, point = {}, {}
    for name, method in METHODS.items():
        scores = Scores(sittings, method)
        point[name], bound = scores.fnmr(fmr, np.ones(n, int))
        resampled[name] = np.array([scores.fnmr(fmr, weights)[0] for weights in drawn])
        low, high = np.percentile(resampled[name], [2.5, 97.5])
        print(
            f"  {name:<18} FNMR {100 * point[name]:5.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
            f"  threshold {bound:.3f}"
        )
    for name, other in AGAINST.items():
        less = resampled[other] - resampled[name]
        low, high = 100 * np.percentile(less, [2.5, 97.5])
        points = 100 * (point[other] - point[name])
        print(f"  {name}: {points:.1f} points less than {other} [{low:.1f}, {high:.1f}]")


def _print_reasons(sittings: list[Sitting]) -> None:
    """Print FNMR at FMR 1e-3 of single frames as templates, by what the coach thinks of them."""
    impostor = np.concatenate(
        [(o.probes @ s.rows.T).ravel() for s in sittings for o in sittings if o is not s]
    )
    bound = float(np.quantile(impostor, 1 - 1e-3))
    print(f"single frames as templates at FMR 0.001, threshold {bound:.3f}, mean over people:")
    masks = {reason: [s.reasons == reason for s in sittings] for reason in _reasons(sittings)}
    good = np.concatenate([s.overall[s.reasons == "good"] for s in sittings])
    low, high = np.quantile(good, [1 / 3, 2 / 3])
    for name, least, most in (
        ("lowest", -1.0, low),
        ("middle", low, high),
        ("highest", high, 2.0),
    ):
        masks[f"good, {name} third of quality"] = [
            (s.reasons == "good") & (s.overall >= least) & (s.overall < most) for s in sittings
        ]
    rng = np.random.default_rng(0)
    for name, chosen in masks.items():
        each = [
            float(((s.probes @ s.rows[mask].T) <= bound).mean())
            for s, mask in zip(sittings, chosen, strict=True)
            if mask.any()
        ]
        n_frames = sum(int(mask.sum()) for mask in chosen)
        means = rng.choice(each, size=(1000, len(each))).mean(axis=1)
        least, most = 100 * np.percentile(means, [2.5, 97.5])
        print(
            f"  {name:<30} FNMR {100 * np.mean(each):5.1f} % [{least:.1f}, {most:.1f}]"
            f"  {n_frames} frames of {len(each)} people"
        )


def _reasons(sittings: list[Sitting]) -> list[str]:
    """Return the reasons that there are, the good frames first."""
    found = Counter(str(reason) for sitting in sittings for reason in sitting.reasons)
    return ["good", *(reason for reason, _ in found.most_common() if reason != "good")]
