"""The random numbers are Philox4x32-10, laid out as documented, and used without bias."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

FULL = 2**32 - 1

# counter, key, output; from kat_vectors of the Random123 library (Salmon et al. 2011)
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((FULL, FULL, FULL, FULL), (FULL, FULL), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def philox(counter, key):
    """The generator as the paper has it, in plain integers."""
    (c0, c1, c2, c3), (k0, k1) = counter, key
    for _ in range(10):
        (high0, low0), (high1, low1) = divmod(0xD2511F53 * c0, 2**32), divmod(0xCD9E8D57 * c2, 2**32)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) & FULL, (k1 + 0xBB67AE85) & FULL
    return c0, c1, c2, c3


def word_at(position, *, seed, stream, step):
    """One word of the documented layout, in plain integers."""
    index = 16 * (position // 64) + position % 16
    counter = (index, stream, step & FULL, step >> 32)
    return philox(counter, (seed & FULL, seed >> 32))[position % 64 // 16]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN_ANSWERS)
def test_the_words_are_the_known_answers_of_the_paper(core, counter, key, expected):
    index, stream, low, high = counter
    first = 64 * (index // 16) + index % 16
    words = [
        core.random_words(
            1, seed=key[0] | key[1] << 32, stream=stream, step=low | high << 32, start=first + 16 * output
        )[0]
        for output in range(4)
    ]
    assert tuple(int(word) for word in words) == expected
    assert philox(counter, key) == expected


@pytest.mark.parametrize("n", [0, 1, 3, 15, 16, 17, 63, 64, 65, 200])
@pytest.mark.parametrize("start", [0, 1, 15, 63, 64, 100])
def test_every_position_holds_its_documented_word(core, n, start):
    where = {"seed": 2**63 + 5, "stream": 7, "step": 2**40 + 3}
    words = core.random_words(n, start=start, **where)
    assert words.dtype == np.uint32
    assert words.shape == (n,)
    assert words.tolist() == [word_at(start + i, **where) for i in range(n)]


def test_the_last_position_of_a_stream_can_be_read(core):
    where = {"seed": 1, "stream": 2, "step": 3}
    assert int(core.random_words(1, start=2**34 - 1, **where)[0]) == word_at(2**34 - 1, **where)


def test_words_depend_on_seed_stream_and_step(core):
    base = {"seed": 1, "stream": 2, "step": 3}
    variants = [base, *({**base, name: value + 2**31} for name, value in base.items())]
    variants += [{**base, "seed": 1 + 2**32}, {**base, "step": 3 + 2**32}]
    words = [core.random_words(64, **variant).tolist() for variant in variants]
    assert all(a != b for a, b in itertools.combinations(words, 2))


@pytest.mark.parametrize("n", [0, 1, 2, 17, 1000])
def test_a_permutation_holds_every_row_once(core, n):
    order = core.permutation(n, seed=3, epoch=1)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(n))


def test_a_permutation_ranks_the_words_of_its_epoch(core):
    words = core.random_words(500, seed=9, stream=2 << 24, step=4)
    assert core.permutation(500, seed=9, epoch=4).tolist() == np.argsort(words, kind="stable").tolist()


def test_equal_words_of_a_permutation_keep_their_order(core):
    n = 300_000  # enough for about ten pairs of equal words among 2^32
    words = core.random_words(n, seed=0, stream=2 << 24)
    order = core.permutation(n, seed=0, epoch=0)
    ranked = words[order]
    ties = np.flatnonzero(ranked[1:] == ranked[:-1])
    assert len(ties) > 0
    assert np.all(order[ties] < order[ties + 1])


def test_all_permutations_are_equally_likely(core):
    counts = dict.fromkeys(itertools.permutations(range(4)), 0)
    epochs = 2400
    for epoch in range(epochs):
        counts[tuple(core.permutation(4, seed=11, epoch=epoch).tolist())] += 1
    expected = epochs / 24
    chi_squared = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi_squared < 49.7  # the 0.999 quantile at 23 degrees of freedom


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_a_dropout_mask_drops_at_its_rate_and_keeps_the_mean(core, dtype, rate):
    mask = core.dropout_mask(200, 300, rate, seed=5, step=6, layer=1, dtype=dtype)
    assert mask.dtype == dtype
    assert mask.shape == (200, 300)
    assert set(np.unique(mask)) == {0, np.dtype(dtype).type(1 / (1 - rate))}
    deviation = np.sqrt(rate * (1 - rate) / mask.size)
    assert abs(np.mean(mask == 0) - rate) < 4 * deviation


def test_a_dropout_mask_compares_the_word_of_each_position_with_the_rate(core):
    rows, width, rate = 7, 33, 0.3
    words = core.random_words(rows * width, seed=1, stream=(3 << 24) + 2, step=2**33).reshape(rows, width)
    mask = core.dropout_mask(rows, width, rate, seed=1, step=2**33, layer=2, dtype="float64")
    assert np.array_equal(mask != 0, words >= np.uint32(int(0.3 * 2**32)))


def test_a_unit_is_kept_from_its_word_on(core):
    word = int(core.random_words(1, seed=1, stream=3 << 24)[0])
    masks = [
        core.dropout_mask(1, 1, (word + offset) / 2**32, seed=1, step=0, layer=0)[0, 0]
        for offset in (0, 0.5, 1)
    ]
    assert [bool(factor) for factor in masks] == [True, True, False]


def test_a_row_has_the_same_mask_whatever_the_number_of_rows(core):
    whole = core.dropout_mask(10, 9, 0.5, seed=1, step=2, layer=0)
    part = core.dropout_mask(4, 9, 0.5, seed=1, step=2, layer=0)
    assert np.array_equal(whole[:4], part)


def test_masks_of_layers_steps_and_seeds_differ(core):
    base = {"seed": 1, "step": 2, "layer": 3}
    variants = [base, *({**base, name: value + 1} for name, value in base.items())]
    masks = [core.dropout_mask(8, 16, 0.5, **variant).tobytes() for variant in variants]
    assert len(set(masks)) == len(masks)


def test_a_rate_of_zero_keeps_every_unit(core, dtype):
    assert np.array_equal(core.dropout_mask(5, 6, 0.0, seed=0, step=0, layer=0, dtype=dtype), np.ones((5, 6)))


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (1, 1)])
def test_masks_may_be_empty_or_single(core, shape):
    assert core.dropout_mask(*shape, 0.5, seed=0, step=0, layer=0).shape == shape


def test_a_rate_just_below_one_is_a_rate(core):
    rate = float(np.nextafter(1.0, 0.0))
    mask = core.dropout_mask(50, 50, rate, seed=0, step=0, layer=0, dtype="float64")
    assert np.count_nonzero(mask) == 0
