"""What has to hold of the answers of `generate`, looked at without what made them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from seq2seq_pl.constraints import Request, read_request
from seq2seq_pl.generation import PHRASE_BEAM


def check_answers(config: DictConfig, content: bytes, told: str) -> None:
    """One line of output for each of input, each as was asked, or told that it is not."""
    if "${" in str(OmegaConf.to_container(config)):
        return  # a reference among the command's own settings is plain text
    asked = [read_request(text, config.constraints) for text in lines_of(content)]
    answers = Path(config.output).read_bytes().decode()
    assert answers == "" or answers.endswith("\n"), "the last line has no end"
    written = answers.split("\n")[:-1]
    assert len(written) == len(asked), f"{len(asked)} lines in, {len(written)} out"
    assert "\r" not in answers, "a line has two ends"
    named = re.search(r"^constraints not met in .*: ([\d, ]+)$", told, re.MULTILINE)
    unmet = {int(number) for number in named[1].split(", ")} if named else set()
    for number, (request, line) in enumerate(zip(asked, written, strict=True), start=1):
        if config.output.endswith(".jsonl"):
            line = _of_json(line, number, request, config)
        assert len(line.splitlines()) <= 1, f"line {number} is several: {line!r}"
        assert request.source.strip() or not line, f"line {number} answers nothing with {line!r}"
        if number not in unmet:
            _check_met(request, line)


def lines_of(content: bytes) -> list[str]:
    """The lines of a file as `generate` reads them."""
    parts = content.split(b"\n")
    parts = parts if parts[-1] else parts[:-1]
    return [part.decode("utf-8", "replace").removesuffix("\r") for part in parts]


def _of_json(line: str, number: int, request: Request, config: DictConfig) -> str:
    """The text of a line of JSON, which is checked."""
    found = json.loads(line, parse_constant=_not_json)
    assert found["line"] == number, f"line {number} says that it is line {found['line']}"
    hypotheses = found["hypotheses"]
    decoding = config.get("decoding") or {}
    most = decoding.get("n_best", 1 if decoding or not request.include else PHRASE_BEAM)
    assert bool(hypotheses) == bool(found["source"].strip()), f"line {number} has {len(hypotheses)} hypotheses"
    assert len(hypotheses) <= most, f"line {number} has {len(hypotheses)} hypotheses, {most} were asked for"
    assert (found.get("constraints_met") is None) != request.constrained, f"line {number}: {found['constraints_met']}"
    for one in hypotheses:
        value = 0.0 if one["log_prob"] is None else one["log_prob"]
        assert value <= 1e-4, f"line {number} has a log-probability of {value}"
        assert one["log_prob"] is not None or not one["text"], f"line {number} has an impossible text"
    return str(found["text"])


def _not_json(name: str) -> object:
    raise AssertionError(f"{name} is no JSON")


def _check_met(request: Request, text: str) -> None:
    """Looks for phrases of plain letters, without the tokenizer's help."""
    for phrase in filter(re.compile("[a-z]+( [a-z]+)*").fullmatch, request.exclude):
        assert f" {phrase} " not in f" {text} ", f"{phrase!r} occurs in {text!r}"
    for phrase in filter(re.compile("[a-z]+( [a-z]+)*").fullmatch, request.include):
        assert f" {phrase} " in f" {text} " or not phrase.islower() or phrase in text, f"{phrase!r} misses in {text!r}"
    if re.fullmatch("[a-z]+( [a-z]+)*", request.beginning):
        assert text.startswith(request.beginning), f"{text!r} does not begin with {request.beginning!r}"
