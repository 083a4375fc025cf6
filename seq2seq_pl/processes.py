"""One training in several processes of this machine, started here and not by giving the command again.

Lightning would give the command once more for each further process, and so a sweep in every one of them. Whoever starts
the processes from outside (torchrun, srun) is left to it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

from torch import distributed
from torch.multiprocessing.spawn import ProcessExitedException, start_processes

from seq2seq_pl.config import TrainConfig
from seq2seq_pl.errors import Stopped, UserError
from seq2seq_pl.stopping import SIGNALS
from seq2seq_pl.training import Outcome, finished, quieten, run
from seq2seq_pl.trials import try_trainer

EXIT_USER_ERROR = 2
FROM_OUTSIDE = ("LOCAL_RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK")
"""One of them is set where somebody else started the processes."""


def train(settings: TrainConfig, *, resume: bool, changed: Sequence[str]) -> Outcome:
    """Trains in as many processes of this machine as `trainer` says; see `training.run`.

    Raises:
        UserError: a process met a mistake of the user's, or ended without a word.
        Stopped: the processes were asked to stop, and did.
    """
    quieten()
    count = processes(settings)
    if count == 1:
        alone = run(settings, resume=resume, changed=changed)
        wait_for_all()
        return alone
    context = multiprocessing.get_context("spawn")
    said = context.SimpleQueue()
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(count), "NODE_RANK": "0"}
    started: Any = start_processes(  # type: ignore[no-untyped-call]
        work, (address, said, settings, resume, changed), count, join=False
    )
    with passing_on(started.processes):
        try:
            while not started.join(grace_period=30):
                pass
        except ProcessExitedException as error:
            raise _reason(error, [] if said.empty() else said.get()) from error
    outcome = finished(Path(settings.run_dir))
    assert outcome is not None, "rank 0 writes its record before it ends"
    return outcome


def _reason(error: ProcessExitedException, told: Sequence[Any]) -> BaseException:
    if told:
        kind, *arguments = told
        return Stopped(*arguments) if kind == "stopped" else UserError(*arguments)
    how = error.signal_name or f"exit status {error.exit_code}"
    return UserError(
        f"process {error.error_index} of the training ended ({how}); if it was SIGKILL, memory may have run out: lower "
        "max_tokens or batch_size."
    )


def processes(settings: TrainConfig) -> int:
    """How many processes have to be started here: 1 where there is one device, or somebody else started them."""
    if any(name in os.environ for name in FROM_OUTSIDE):
        return 1
    nodes = settings.trainer.get("num_nodes", 1)
    if isinstance(nodes, int) and nodes > 1:
        raise UserError(
            f"trainer.num_nodes ({nodes}) needs a process started on each machine: give this command by torchrun or "
            "srun."
        )
    if settings.trainer.get("devices") == 1:
        return 1
    trainer = try_trainer(settings)
    return int(trainer.num_devices) if trainer.strategy.launcher is not None else 1


def work(rank: int, address: dict[str, str], said: Any, settings: TrainConfig, *how: Any) -> None:
    """What one of the processes does; a mistake of the user's is told to the process that started it."""
    os.environ |= {**address, "RANK": str(rank), "LOCAL_RANK": str(rank)}
    resume, changed = how
    try:
        run(settings, resume=resume, changed=changed)
        wait_for_all()
    except UserError as error:
        said.put(("mistake", str(error)))
        sys.exit(EXIT_USER_ERROR)
    except Stopped as stopped:
        said.put(("stopped", int(str(stopped.code)) - 128, stopped.sentence))
        raise
    if distributed.is_initialized():
        distributed.destroy_process_group()


def wait_for_all() -> None:
    """Waits until every process has come here: one that left while others still write would break their connections."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.barrier()


@contextmanager
def passing_on(processes: Sequence[BaseProcess]) -> Iterator[None]:
    """Passes Ctrl-C and SIGTERM on to processes, which stop where they can go on."""

    def pass_on(number: int, frame: FrameType | None) -> None:
        for process in processes:
            if process.pid and process.is_alive():
                os.kill(process.pid, number)

    former = {number: signal.signal(number, pass_on) for number in SIGNALS}
    try:
        yield
    finally:
        for number, effect in former.items():
            signal.signal(number, effect)


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
