"""Random streams: one for each member and process (DESIGN §B11)."""

from __future__ import annotations

import hashlib

import numpy as np

from xsim.plan.batch import Position


def random_stream(seed: int | None, position: Position, process: str) -> np.random.Generator:
    """Make the random stream of a process in a member.

    Parameters
    ----------
    seed : int, optional
        Entropy of all streams of a run.
    position : tuple of int
        The member's, on the grid of the batch.
    process : str
        The name of the process.
    """
    name = int.from_bytes(hashlib.sha256(process.encode()).digest()[:16], "big")
    key = (name >> 96, name >> 64 & 0xFFFFFFFF, name >> 32 & 0xFFFFFFFF, name & 0xFFFFFFFF)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(*position, *key)))
