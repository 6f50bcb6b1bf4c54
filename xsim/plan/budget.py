"""The budget: how many members run at a time, with how many threads each, and what does not allow more (§R1 to §R3)."""

from __future__ import annotations

import attrs

from xsim._base.cpus import resolve_workers
from xsim._base.render import quantity, size
from xsim.plan.options import RunOptions


@attrs.frozen
class Budget:
    """What a run may use, and what follows.

    Attributes
    ----------
    cpus : int
        That this process may use.
    memory : int
        Bytes, for all members together.
    wanted : int
        Workers that CPUs and options allow.
    threads_wanted : int, optional
        Threads in each worker, where the options say so.
    memory_per_member : int, optional
        Bytes that a member needs; None while nobody knows.
    measured : bool
        Whether that was measured.
    """

    cpus: int
    memory: int
    wanted: int
    threads_wanted: int | None = None
    memory_per_member: int | None = None
    measured: bool = False

    @property
    def by_memory(self) -> int | None:
        """Workers that memory allows; at least one."""
        return None if self.memory_per_member is None else max(1, self.memory // max(1, self.memory_per_member))

    @property
    def workers(self) -> int:
        """Members that run at a time."""
        return self.wanted if self.by_memory is None else min(self.wanted, self.by_memory)

    @property
    def threads(self) -> int:
        """Threads that each may use."""
        return self.threads_wanted or max(1, self.cpus // self.workers)

    @property
    def memory_binds(self) -> bool:
        """Whether there would be more workers if there were more memory."""
        return self.workers < self.wanted

    def with_measured(self, nbytes: int) -> Budget:
        """Give the budget after a member has shown what it needs, unless the user has said so."""
        if self.memory_per_member is not None and not self.measured:
            return self
        return attrs.evolve(self, memory_per_member=max(nbytes, self.memory_per_member or 0), measured=True)

    def __str__(self) -> str:
        head = f"{quantity(self.workers, 'worker')} × {quantity(self.threads, 'thread')}"
        by_cpus = f"{quantity(self.cpus, 'usable CPU')}"
        if self.memory_per_member is None:
            return f"{head}, for {by_cpus}"
        how = "measured" if self.measured else "each"
        by_memory = f"{size(self.memory)} of memory, {size(self.memory_per_member)} a member ({how})"
        if self.memory_binds:
            room = max(1, self.cpus // self.threads_wanted) if self.threads_wanted else self.cpus
            asked = f"{by_cpus} would allow {self.wanted}" if self.wanted <= room else f"{self.wanted} were asked for"
            return f"{head}; memory binds: {by_memory}; {asked}"
        return f"{head}; CPUs bind: {by_cpus}; memory would allow {self.by_memory}: {by_memory}"


def make_budget(options: RunOptions, cpus: int, memory: int) -> Budget:
    """Share out CPUs and memory.

    Without ``workers=`` there are as many as their threads leave room for: ``-n`` leaves n CPUs free.
    """
    total = memory if options.memory is None else options.memory
    if not options.parallel:
        return Budget(cpus, total, 1, options.threads_per_worker, options.memory_per_member)
    wanted = resolve_workers(options.workers, cpus)
    if options.threads_per_worker is not None and (options.workers is None or options.workers < 0):
        wanted = max(1, wanted // options.threads_per_worker)
    return Budget(cpus, total, wanted, options.threads_per_worker, options.memory_per_member)
