"""What the tables say of given figures."""

from __future__ import annotations

import json

from bench import report
from bench.load import NO_ANSWER, Latencies, window
from bench.measure import Figures, Turn
from bench.proc import Memory


def figures(name: str, micros: list[float], **more: object) -> Figures:
    made = Figures(name, "1", blocks=True)
    for turns in made.turns.values():
        turns += [
            Turn(
                value,
                0.1,
                0.1,
                1000.0,
                busy=1.0,
                lost=0,
                forwarded=1.0 if turns is made.turns["never seen"] else 0.0,
                foreign=0.0,
            )
            for value in micros
        ]
    made.loaded = Memory(100.0, 130.0)
    made.loaded_data_plane = Memory(30.0, 45.0)
    for key, value in more.items():
        setattr(made, key, value)
    return made


def kept(results: list[Figures]) -> dict[str, str]:
    return {row[0]: row[3] for row in report.promises(results, [])[1:]}


def test_a_ratio_is_taken_round_by_round():
    ours, theirs = figures("mirage-hole", [5.0, 10.0, 20.0]), figures("unbound", [10.0, 20.0, 40.0])
    assert report.ratio(ours, theirs, "blocked") == 0.5


def test_a_promise_is_kept_or_broken():
    ours = figures("mirage-hole", [9.0], starts=[0.4], list_to_live=20.0)
    verdicts = kept([ours, figures("unbound", [10.0]), figures("dnsmasq", [10.0])])
    assert verdicts["blocked: CPU a query, over unbound's"] == "yes"
    assert verdicts["blocked: CPU a query, over dnsmasq's"] == "NO"
    assert verdicts["never seen: CPU a query, over unbound's"] == "NO"
    assert verdicts["worker's RSS, MiB"] == "yes"
    assert verdicts["list text to live, s"] == "NO"


def test_what_was_not_measured_is_not_claimed():
    assert not [claim for claim in kept([figures("mirage-hole", [9.0])]) if "unbound" in claim or "p99" in claim]


def test_a_question_without_an_answer_is_the_slowest():
    samples = [(1, 0.1), (2, NO_ANSWER), (3, 0.3), (9, 5.0)]
    values = window(samples, 1, 4)
    assert values == Latencies((0.1, 0.3, NO_ANSWER))
    assert values.unanswered == 1
    assert values.percentile(50) == 0.3
    assert values.percentile(99) == NO_ANSWER


def test_a_reader_is_told_what_makes_a_figure_doubtful():
    doubtful = figures("unbound", [10.0])
    doubtful.turns["blocked"][0].busy = 0.5
    doubtful.turns["cached"][0].forwarded = 0.3
    doubtful.turns["never seen"][0].lost = 7
    doubtful.turns["blocked once"][0].foreign = 0.4
    said = "\n".join(report.remarks([doubtful]))
    assert "answer: never seen 7" in said
    assert "processor): blocked 50%" in said
    assert "meanwhile: blocked once 0.40" in said
    assert "wants: cached 0.30" in said
    assert report.remarks([figures("unbound", [10.0])]) == []


def test_the_json_holds_every_turn_and_is_json_even_with_infinities():
    ours = figures("mirage-hole", [9.0, 11.0], quiet=Latencies((0.1, NO_ANSWER)))
    read = json.loads(report.to_json([ours], [], {"kernel": "1"}), parse_constant=lambda text: text)
    assert [turn["micros"] for turn in read["servers"][0]["turns"]["blocked"]] == [9.0, 11.0]
    assert read["servers"][0]["quiet"]["unanswered"] == 1
    assert "Infinity" not in report.to_json([ours], [], {})


def test_tables_line_up():
    table = [["server", "µs"], ["a", "10.0"], ["longer", "9"]]
    assert report.text(table).splitlines() == ["server  µs", "------  ----", "a       10.0", "longer  9"]
    assert report.markdown(table).splitlines()[1] == "| --- | --- |"
