"""What is handed to a worker at a time: neighbouring months of one symbol."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exec_algos.studies.shards.plan import Shard
from exec_algos.studies.shards.workers import runs

SHARDS = st.lists(st.integers(1, 15), max_size=5).map(
    lambda months: [Shard(f"S{i}", f"2024-{month + 1:02}", ()) for i, many in enumerate(months) for month in range(many)]
)


@given(shards=SHARDS, most=st.integers(0, 20))
def test_runs_hold_every_shard_once_in_order_and_never_two_symbols(shards, most):
    found = list(runs(shards, most))
    assert [shard for run in found for shard in run] == shards
    assert all(len({shard.symbol for shard in run}) == 1 for run in found)
    assert all(len(run) <= max(most, 1) for run in found)


@given(shards=SHARDS)
def test_a_run_ends_only_where_it_is_full_or_the_symbol_does(shards):
    found = list(runs(shards, 4))
    assert all(len(run) == 4 or run[-1].symbol != after[0].symbol for run, after in pairwise(found))
