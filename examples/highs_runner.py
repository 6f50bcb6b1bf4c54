"""Solve a linear program with HiGHS: the external program of the planning examples.

It knows nothing of xsim. The program is to minimize ``cost @ x`` where ``row_lower <= matrix @ x <= row_upper`` and
``lower <= x <= upper``; the matrix comes from one file, which many runs share, the vectors from another::

    python highs_runner.py matrix.npz vectors.npz solution.npz --threads 2 --option solver=ipm

HiGHS prints its log to standard output. The solution file has ``status``, ``objective`` and ``x``. The exit code is 0
if HiGHS has come to an answer, be it that there is none, or that its time was over; 2 for options that it refuses.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import highspy
import numpy as np
from scipy.sparse import csc_array, load_npz


def read_problem(matrix_file: str, vectors_file: str) -> highspy.HighsLp:
    """Put a problem together from its files."""
    matrix = csc_array(load_npz(matrix_file))
    vectors = np.load(vectors_file)
    problem = highspy.HighsLp()
    problem.num_row_, problem.num_col_ = matrix.shape
    problem.col_cost_ = vectors["cost"]
    problem.row_lower_, problem.row_upper_ = vectors["row_lower"], vectors["row_upper"]
    problem.col_lower_, problem.col_upper_ = vectors["lower"], vectors["upper"]
    problem.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    problem.a_matrix_.start_, problem.a_matrix_.index_ = matrix.indptr, matrix.indices
    problem.a_matrix_.value_ = matrix.data
    return problem


def parse_value(text: str) -> bool | int | float | str:
    """Give an option's value in the type that HiGHS wants."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def main(argv: Sequence[str] | None = None) -> int:
    """Solve a problem and write its solution; return the exit code."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("matrix", help="file of scipy.sparse.save_npz")
    parser.add_argument("vectors", help="file of numpy.savez")
    parser.add_argument("solution", help="file to write")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="an option of HiGHS")
    arguments = parser.parse_args(argv)

    highs = highspy.Highs()
    for option in (f"threads={arguments.threads}", *arguments.option):
        name, _, value = option.partition("=")
        if highs.setOptionValue(name, parse_value(value)) != highspy.HighsStatus.kOk:
            print(f"HiGHS does not take the option {name}={value}", file=sys.stderr)
            return 2
    highs.passModel(read_problem(arguments.matrix, arguments.vectors))
    highs.run()
    np.savez(
        arguments.solution,
        status=highs.modelStatusToString(highs.getModelStatus()),
        objective=highs.getInfo().objective_function_value,
        x=np.array(highs.getSolution().col_value),
    )
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
