"""How what workers print reaches the driver's terminal.

Owns prefixes, streams and the folding of repeated lines. Each row runs a driver of its own, because
what counts is what a user sees.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

Drive = Callable[..., Any]

START = """
import sys
import aktis
"""


def test_what_a_task_prints_is_shown_with_its_name_and_process(drive: Drive) -> None:
    printed = colourless(
        drive(
            f"""{START}
@aktis.remote
def talk():
    import os
    print("good", "morning")
    return os.getpid()

aktis.init(address="local", num_cpus=1)
print("process", aktis.get(talk.remote()))
aktis.shutdown()
"""
        ).printed
    )

    process_id = re.search(r"^process (\d+)$", printed, re.MULTILINE)
    assert process_id is not None, printed
    assert f"(talk pid={process_id[1]}) good morning" in printed


def test_errors_of_workers_are_shown_too(drive: Drive) -> None:
    driver = drive(
        f"""{START}
@aktis.remote
def complain():
    print("bad morning", file=sys.stderr)

aktis.init(address="local", num_cpus=1)
aktis.get(complain.remote())
aktis.shutdown()
"""
    )

    assert re.search(r"\(complain pid=\d+\) bad morning", colourless(driver.printed))


def test_what_an_actor_prints_is_shown_with_its_class(drive: Drive) -> None:
    driver = drive(
        f"""{START}
@aktis.remote
class Speaker:
    def talk(self):
        print("from an actor")

aktis.init(address="local", num_cpus=1)
speaker = Speaker.remote()
aktis.get(speaker.talk.remote())
aktis.shutdown()
"""
    )

    assert re.search(r"\(Speaker pid=\d+\) from an actor", colourless(driver.printed))


def test_an_actor_with_a_repr_is_shown_by_it(drive: Drive) -> None:
    driver = drive(
        f"""{START}
@aktis.remote
class Speaker:
    def __repr__(self):
        return "Speaker-of-the-house"
    def talk(self):
        print("order")

aktis.init(address="local", num_cpus=1)
speaker = Speaker.remote()
aktis.get(speaker.talk.remote())
aktis.shutdown()
"""
    )

    assert re.search(r"\(Speaker-of-the-house pid=\d+\) order", colourless(driver.printed))


def test_the_name_of_a_task_is_its_prefix(drive: Drive) -> None:
    driver = drive(
        f"""{START}
@aktis.remote
def talk():
    print("hello")

aktis.init(address="local", num_cpus=1)
aktis.get(talk.options(name="renamed").remote())
aktis.shutdown()
"""
    )

    assert re.search(r"\(renamed pid=\d+\) hello", colourless(driver.printed))


def test_lines_repeated_by_many_workers_are_shown_once_and_counted(drive: Drive) -> None:
    driver = drive(
        f"""{START}
@aktis.remote
class Speaker:
    def talk(self):
        print("the same everywhere")

aktis.init(address="local", num_cpus=4)
speakers = [Speaker.remote() for _ in range(4)]
aktis.get([speaker.talk.remote() for speaker in speakers])
aktis.shutdown()
"""
    )

    lines = re.findall(r"\(Speaker pid=\d+\) (.*)", colourless(driver.printed))
    assert lines == ["the same everywhere", "the same everywhere [repeated 3x across cluster]"]


def test_the_folding_of_lines_can_be_switched_off(drive: Drive) -> None:
    driver = drive(
        f"""{START}
@aktis.remote
class Speaker:
    def talk(self):
        print("the same everywhere")

aktis.init(address="local", num_cpus=4)
speakers = [Speaker.remote() for _ in range(3)]
aktis.get([speaker.talk.remote() for speaker in speakers])
aktis.shutdown()
""",
        env={"AKTIS_DEDUP_LOGS": "0"},
    )

    assert colourless(driver.printed).count("the same everywhere") == 3


def test_what_the_terminal_cannot_show_is_shown_in_escapes(drive: Drive) -> None:
    driver = drive(
        f"""{START}
@aktis.remote
def talk():
    print("ἀκτίς")
    print("plain")

aktis.init(address="local", num_cpus=1)
aktis.get(talk.remote())
aktis.shutdown()
""",
        env={"PYTHONIOENCODING": "ascii"},
    )

    lines = re.findall(r"\(talk pid=\d+\) (.*)", colourless(driver.printed))
    assert lines == [r"\u1f00\u03ba\u03c4\u03af\u03c2", "plain"]
    assert driver.stderr == ""


def test_an_output_that_nobody_reads_does_not_keep_the_other_from_its_reader(drive: Drive) -> None:
    driver = drive(
        f"""{START}
import os

@aktis.remote
def talk():
    print("unread")
    sys.stdout.flush()
    print("read", file=sys.stderr)

reader, writer = os.pipe()
os.close(reader)
sys.stdout = os.fdopen(writer, "w")
aktis.init(address="local", num_cpus=1)
aktis.get(talk.remote())
aktis.shutdown()
os._exit(0)
"""
    )

    lines = re.findall(r"\(talk pid=\d+\) (.*)", colourless(driver.stderr))
    assert lines == ["read"]
    assert "Exception" not in driver.stderr


def test_different_lines_are_all_shown_in_order(drive: Drive) -> None:
    driver = drive(
        f"""{START}
@aktis.remote
def count():
    for index in range(50):
        print("line", index)

aktis.init(address="local", num_cpus=1)
aktis.get(count.remote())
aktis.shutdown()
"""
    )

    numbers = re.findall(r"\(count pid=\d+\) line (\d+)", colourless(driver.printed))
    assert numbers == [str(index) for index in range(50)]


def test_what_was_written_before_the_end_is_shown_however_late_the_node_reads_it(
    drive: Drive,
) -> None:
    driver = drive(
        f"""{START}
import os, pathlib, signal, threading
from tests.faults.processes import DAEMON, find_process

@aktis.remote
def talk():
    print(*(f"line {{index}}" for index in range(3000)), sep="\\n")
    print("without an end", end="", flush=True)

context = aktis.init(address="local", num_cpus=1)
node = find_process(pathlib.Path(context["session_dir"]), DAEMON)
aktis.get(talk.remote())
os.kill(node, signal.SIGSTOP)
threading.Timer(0.3, os.kill, (node, signal.SIGCONT)).start()
aktis.shutdown()
"""
    )

    numbers = re.findall(r"\(talk pid=\d+\) line (\d+)", colourless(driver.printed))
    assert numbers == [str(index) for index in range(3000)]
    assert re.search(r"\(talk pid=\d+\) without an end\n", colourless(driver.printed))


@pytest.mark.parametrize("how", ["argument", "variable"])
def test_the_output_of_workers_can_be_switched_off(drive: Drive, how: str) -> None:
    option = ", log_to_driver=False" if how == "argument" else ""
    driver = drive(
        f"""{START}
@aktis.remote
def talk():
    print("unheard")
    return 1

aktis.init(address="local", num_cpus=1{option})
print("result", aktis.get(talk.remote()))
aktis.shutdown()
""",
        env={"AKTIS_LOG_TO_DRIVER": "0"} if how == "variable" else None,
    )

    assert "result 1" in driver.stdout
    assert "unheard" not in driver.printed


def test_log_records_of_workers_are_shown(drive: Drive) -> None:
    driver = drive(
        f"""{START}
@aktis.remote
def work():
    import logging
    logging.warning("careful")

aktis.init(address="local", num_cpus=1)
aktis.get(work.remote())
aktis.shutdown()
"""
    )

    assert re.search(r"\(work pid=\d+\) .*careful", colourless(driver.printed))


def test_a_logging_configuration_reaches_the_workers(drive: Drive) -> None:
    driver = drive(
        f"""{START}
@aktis.remote
def work():
    import logging
    logging.getLogger("own").debug("in detail")

aktis.init(
    address="local",
    num_cpus=1,
    logging_config=aktis.LoggingConfig(encoding="JSON", log_level="DEBUG"),
)
aktis.get(work.remote())
aktis.shutdown()
"""
    )

    (line,) = [line for line in colourless(driver.printed).splitlines() if "in detail" in line]
    assert '"message": "in detail"' in line
    for field in ("job_id", "worker_id", "node_id", "task_id"):
        assert f'"{field}"' in line


def test_a_logging_configuration_in_text_shows_messages_with_ids_from_its_level_on(
    drive: Drive,
) -> None:
    driver = drive(
        f"""{START}
@aktis.remote
class Actor:
    def work(self):
        import logging
        logging.warning("in general")
        logging.info("in detail")

config = aktis.LoggingConfig(log_level="WARNING", additional_log_standard_attrs=["name"])
aktis.init(address="local", num_cpus=1, logging_config=config)
aktis.get(Actor.remote().work.remote())
aktis.shutdown()
"""
    )

    (line,) = [line for line in colourless(driver.printed).splitlines() if "in general" in line]
    assert "WARNING" in line
    for field in (" name=root", " job_id=", " worker_id=", " node_id=", " task_id=", " actor_id="):
        assert field in line, line
    assert "in detail" not in driver.printed


def test_the_output_of_one_job_is_not_shown_to_another(drive: Drive) -> None:
    driver = drive(
        f"""{START}
import subprocess

@aktis.remote
def talk():
    print("only for the first")

context = aktis.init(address="local", num_cpus=1)
other = subprocess.run(
    [sys.executable, "-c", '''
import aktis, sys
aktis.init(address=sys.argv[1])

@aktis.remote
def whisper():
    print("only for the second")

aktis.get(whisper.remote())
aktis.shutdown()
''', context.address_info["address"]],
    capture_output=True, text=True,
)
aktis.get(talk.remote())
print("other saw first:", "for the first" in other.stdout + other.stderr)
print("other saw second:", "for the second" in other.stdout + other.stderr)
aktis.shutdown()
"""
    )

    assert "other saw first: False" in driver.stdout
    assert "other saw second: True" in driver.stdout, driver.printed
    assert "only for the first" in driver.printed
    assert "only for the second" not in driver.printed


def test_a_run_without_output_prints_nothing_of_the_engine(drive: Drive) -> None:
    driver = drive(
        f"""{START}
aktis.init(address="local", num_cpus=2)
print(aktis.get([aktis.remote(lambda: 1).remote() for _ in range(3)]))
aktis.shutdown()
"""
    )

    assert driver.stdout == "[1, 1, 1]\n"
    assert driver.stderr == ""


def colourless(text: str) -> str:
    """The text without the sequences that colour it."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
