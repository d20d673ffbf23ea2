"""The only broker stops under load and comes back: the worker goes on, with exact results."""

import os
import signal

import pytest
from exactness import assert_exact
from steady_load import RATE, SETTINGS, Load, wait_flow
from workers import Market, until

from eventfold.embedded import LocalBroker

#: Each pipeline has tasks that a broker may leave half open, so all pipelines run.
ALL_PIPELINES = {**SETTINGS, "TICKSTREAM_PIPELINES": ""}

#: Seconds that the broker is frozen: longer than a session of 6 s; with CHAOS, than a request.
FROZEN = 30 if os.environ.get("CHAOS") else 8


@pytest.mark.timeout(400)
def test_results_are_exact_after_broker_restarts(
    own_broker: LocalBroker, own_market: Market
) -> None:
    """One worker goes on by itself after a clean stop and after SIGKILL of the broker."""
    with own_market.worker(**ALL_PIPELINES) as worker:
        process = worker.process
        with Load(own_broker.bootstrap) as load:
            wait_flow(own_market)
            for end in (LocalBroker.stop, LocalBroker.kill):
                load.wait_sent(2 * RATE)
                end(own_broker)
                load.wait_sent(2 * RATE)
                own_broker.start()
                wait_flow(own_market, after=f"the broker's {end.__name__} and start")
            load.wait_sent(2 * RATE)
        assert_exact(own_market, load.sent)
        assert worker.process is process


@pytest.mark.timeout(400)
def test_results_are_exact_after_a_broker_freeze_beyond_the_session(
    own_broker: LocalBroker, own_market: Market
) -> None:
    """The broker neither answers nor closes connections, then goes on: so does the worker.

    With CHAOS=1 it is frozen for 30 s, longer than the consumer's request time-out.
    """
    with own_market.worker(**SETTINGS) as worker:
        process, broker = worker.process, own_broker.pid
        assert broker is not None
        with Load(own_broker.bootstrap) as load:
            wait_flow(own_market)
            load.wait_sent(2 * RATE)
            os.kill(broker, signal.SIGSTOP)
            load.wait_sent(FROZEN * RATE)
            os.kill(broker, signal.SIGCONT)
            wait_flow(own_market, after=f"{FROZEN} s frozen")
            load.wait_sent(2 * RATE)
        assert_exact(own_market, load.sent)
        assert worker.process is process


def test_worker_without_a_broker_logs_little_and_stops_in_time(
    own_broker: LocalBroker, own_market: Market
) -> None:
    """While the broker is down the log stays short, and SIGTERM ends the worker within 10 s."""
    with own_market.worker(**SETTINGS) as worker, Load(own_broker.bootstrap) as load:
        wait_flow(own_market)
        before = len(worker.log.splitlines())
        own_broker.kill()
        load.wait_sent(6 * RATE)
        until(lambda: "Unable connect to node" in worker.log)
        lines = worker.log.splitlines()[before:]
        # Each kind of warning is logged once in 10 s, some with a traceback.
        warnings = [line for line in lines if line.startswith("[")]
        assert len(warnings) < 60, "\n".join(lines)
        assert worker.stop(timeout=10) == 0
        assert "never retrieved" not in worker.log
        assert "was destroyed" not in worker.log
        own_broker.start()
