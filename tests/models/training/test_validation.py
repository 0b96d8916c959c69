"""Which of two looks at split val is the better one."""

from facegate.models.training.validation import Look


def test_looks_are_compared_by_accept_rate_and_where_it_ties_by_equal_error() -> None:
    first, tied, higher = (
        Look(tar=tar, fmr=0.05, threshold=0.3, eer=eer)
        for tar, eer in ((0.5, 0.2), (0.5, 0.1), (0.6, 0.3))
    )
    assert first.worth < tied.worth < higher.worth
