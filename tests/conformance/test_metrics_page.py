"""The page on which Prometheus finds the metrics of a node.

Owns where it is, what it says, and what happens without it.
"""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Callable

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

import aktis
from aktis.util.metrics import Counter, Gauge, Histogram
from tests.conformance.drivers import Driver
from tests.conformance.waiting import wait_for

pytestmark = pytest.mark.usefixtures("session")


def port() -> int:
    """Where the page is; 0 while it is not."""
    found: int = aktis.nodes()[0]["MetricsExportPort"]
    return found


def page() -> str:
    """What the page says."""
    wait_for(port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port()}/metrics", timeout=20) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return str(answer.read().decode())


def samples() -> dict[str, list[tuple[dict[str, str], float]]]:
    """Labels and values by name."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(page()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def common() -> dict[str, str]:
    """The labels of everything that this driver counts."""
    here = aktis.get_runtime_context()
    return {
        "JobId": here.get_job_id(),
        "NodeAddress": aktis.util.get_node_ip_address(),
        "NodeId": here.get_node_id(),
        "SessionName": here.get_session_name(),
    }


def test_a_counter_is_shown_under_both_of_its_names() -> None:
    Counter("seen", "What is seen.", ("kind",)).inc(3, {"kind": "a"})

    found = samples()

    expected = [({**common(), "kind": "a"}, 3.0)]
    assert (found["ray_seen_total"], found["ray_seen"]) == (expected, expected)
    assert "# HELP ray_seen_total What is seen.\n# TYPE ray_seen_total counter\n" in page()


def test_a_gauge_is_shown_with_its_process() -> None:
    Gauge("level").set(7)

    worker = aktis.get_runtime_context().get_worker_id()
    assert samples()["ray_level"] == [({**common(), "WorkerId": worker}, 7.0)]


def test_a_histogram_is_shown_with_buckets_that_add_up() -> None:
    histogram = Histogram("delays", boundaries=[0.5, 10])
    for value in (0.25, 2, 100):
        histogram.observe(value)

    found = samples()

    assert found["ray_delays_bucket"] == [
        ({**common(), "le": "0.5"}, 1.0),
        ({**common(), "le": "10.0"}, 2.0),
        ({**common(), "le": "+Inf"}, 3.0),
    ]
    assert found["ray_delays_sum"] == [(common(), 102.25)]
    assert found["ray_delays_count"] == [(common(), 3.0)]


def test_metrics_of_one_name_with_other_tags_share_their_place() -> None:
    Counter("mixed_total").inc()
    Counter("mixed_total", tag_keys=("kind",)).inc(2, {"kind": 'a "quoted"\n'})

    found = samples()["ray_mixed_total"]

    assert sorted((labels["kind"], value) for labels, value in found) == [
        ("", 1.0),
        ('a "quoted"\n', 2.0),
    ]


def test_a_tag_that_is_no_label_is_shown_under_one() -> None:
    Counter("labelled", tag_keys=("no-label", "1st")).inc(1, {"no-label": "a", "1st": "b"})

    assert samples()["ray_labelled_total"] == [({**common(), "no_label": "a", "_st": "b"}, 1.0)]


def test_only_this_machine_can_read_it() -> None:
    Counter("private").inc()
    wait_for(port)

    addresses = [tuple(one.laddr) for one in psutil.net_connections("inet")]
    bound = {address for address, *ports in addresses if ports == [port()]}

    assert bound == {"127.0.0.1"}


def test_the_page_holds_no_cpu() -> None:
    Counter("cheap").inc()
    wait_for(port)

    assert aktis.available_resources()["CPU"] == aktis.cluster_resources()["CPU"]


def test_the_port_can_be_chosen_and_is_free_again_when_the_session_has_ended(
    drive: Callable[..., Driver],
) -> None:
    wanted = free_port()
    driver = drive(
        f"""
        import urllib.request
        import aktis
        from aktis.util.metrics import Counter
        from tests.conformance.waiting import wait_for

        aktis.init(num_cpus=1, _metrics_export_port={wanted})
        Counter("chosen").inc()
        wait_for(lambda: aktis.nodes()[0]["MetricsExportPort"])
        print(aktis.nodes()[0]["MetricsExportPort"])
        print(urllib.request.urlopen("http://127.0.0.1:{wanted}").read().decode())
        """
    )

    assert driver.lines[0] == str(wanted)
    assert "ray_chosen_total" in driver.stdout
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", wanted))


def test_a_port_that_is_taken_costs_the_page_and_not_the_program(
    drive: Callable[..., Driver],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        driver = drive(
            f"""
            import aktis
            from aktis.util.metrics import Counter, read
            from tests.conformance.waiting import wait_for

            context = aktis.init(num_cpus=1, _metrics_export_port={taken.getsockname()[1]})
            Counter("kept").inc()
            actors = lambda: aktis.util.list_named_actors(all_namespaces=True)
            wait_for(actors)
            handle = aktis.get_actor(actors()[0]["name"], actors()[0]["namespace"])
            aktis.get(handle.__aktis_ready__.remote())
            print(aktis.nodes()[0]["MetricsExportPort"], [value.value for value in read()])
            """
        )

    assert "0 [1.0]" in driver.lines, driver.printed
    assert "no page of metrics: nothing can be served at 127.0.0.1:" in driver.printed


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ('"80"', "TypeError: _metrics_export_port must be a whole number, not '80'"),
        ("70000", "ValueError: _metrics_export_port must be 0 (any) to 65535, not 70000"),
    ],
)
def test_a_port_that_is_none_is_refused(
    given: str, sentence: str, drive: Callable[..., Driver]
) -> None:
    driver = drive(f"import aktis; aktis.init(_metrics_export_port={given})")

    assert driver.stderr.splitlines()[-1] == sentence


def test_a_port_is_no_argument_for_a_session_that_runs(
    session: aktis.Context, drive: Callable[..., Driver]
) -> None:
    address = session.address_info["address"]
    driver = drive(f"import aktis; aktis.init({address!r}, _metrics_export_port=0)")

    assert "metrics_export_port describe a new cluster" in driver.stderr


def test_without_the_package_values_are_kept_and_a_wish_for_a_page_is_refused(
    drive: Callable[..., Driver],
) -> None:
    driver = drive(
        """
        import sys
        import aktis
        from aktis.util.metrics import Counter, read

        sys.modules["prometheus_client"] = None
        try:
            aktis.init(_metrics_export_port=0)
        except ImportError as error:
            print(error)
        aktis.init(num_cpus=1)
        Counter("kept").inc()
        print(aktis.util.list_named_actors(all_namespaces=True), read()[0].value)
        """
    )

    assert driver.lines == [
        "_metrics_export_port needs prometheus_client: pip install 'aktis[metrics]'",
        "[] 1.0",
    ], driver.printed


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        found: int = probe.getsockname()[1]
        return found
