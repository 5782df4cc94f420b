from itertools import product

import torch

from ddspcore.dsp.viterbi import smoothest_path


def gain(path, scores, positions, present, cost):
    total = sum(scores[n, k] for n, k in enumerate(path))
    for n in range(1, len(path)):
        here, before = path[n], path[n - 1]
        if present[n, here] and present[n - 1, before]:
            total = total - cost * (positions[n, here] - positions[n - 1, before]).abs()
    return total


def test_no_other_path_gains_more():
    generator = torch.Generator().manual_seed(3)
    for cost in (0.0, 0.4, 3.0):
        scores, positions = torch.rand(2, 3, 5, 3, generator=generator)
        present = torch.rand(3, 5, 3, generator=generator) > 0.2
        found = smoothest_path(scores, positions, present, cost)
        for b in range(3):
            case = scores[b], positions[b], present[b], cost
            best = max(gain(path, *case) for path in product(range(3), repeat=5))
            torch.testing.assert_close(gain(found[b].tolist(), *case), best)


def test_an_absent_candidate_separates_what_lies_around_it():
    positions = torch.tensor([[[0.0, 5.0], [9.0, 9.0], [0.0, 5.0]]])
    scores = torch.tensor([[[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]])
    present = torch.tensor([[[True, True], [False, False], [True, True]]])
    assert smoothest_path(scores, positions, present, 10.0)[0, [0, 2]].tolist() == [0, 1]
    tied = smoothest_path(scores[:, ::2], positions[:, ::2], present[:, ::2], 10.0)[0]
    assert tied[0] == tied[1]


def test_a_single_step_takes_the_best_score():
    scores = torch.tensor([[[0.1, 0.7, 0.3]]])
    path = smoothest_path(scores, torch.zeros(1, 1, 3), torch.ones(1, 1, 3).bool(), 1.0)
    assert path.tolist() == [[1]]
