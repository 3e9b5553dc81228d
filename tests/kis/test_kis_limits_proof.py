"""A small part of `tests/proofs/kis_limits.py`, which asks for a minute and restarts twenty times."""

from proofs import kis_limits


def test_no_second_at_the_simulator_sees_more_than_the_rate(capsys):
    assert kis_limits.rates(2, 1, brief=True), capsys.readouterr().out


def test_no_two_requests_for_a_token_within_a_minute_over_restarts_and_processes(capsys):
    assert kis_limits.tokens(2, 2, 1), capsys.readouterr().out


def test_a_bucket_that_counts_too_much_fails_the_proof():
    class Wrong:
        def truth(self, since=0):
            times = [n * kis_limits.SECOND // 19 for n in range(100)]
            return {"requests": [{"tr_id": "X", "time": when, "throttled": False} for when in times]}

    assert kis_limits.counted(Wrong(), 0)["most_in_a_second"] == 19
