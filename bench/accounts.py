"""Sign-ins that fail: whether the time that they take tells who has an account."""

import http.client
import json
import time
from collections.abc import Iterator
from statistics import median

from bench.client import JSON, WrongAnswer
from bench.harness import Result, Side, alike, compare
from bench.stage import QUERY, Service, Stage

GUESSES = 40
"""In a turn; what counts is their median."""


def sign_in(stage: Stage) -> Iterator[Result]:
    """A wrong password for an e-mail that has an account, against one that has none."""
    service = stage.service
    known = service.person("known").email
    yield compare(
        stage.rounds,
        "a wrong password",
        "an e-mail that has no account",
        guesses(service, known),
        guesses(service, "nobody@example.org"),
        alike(1.1, 1.05),
    )


def guesses(service: Service, email: str) -> Side:
    """A side that tries one wrong password after the other."""
    body = json.dumps({"email": email, "password": "a phrase that is not the right one"})

    def side() -> float:
        times = []
        line = http.client.HTTPConnection(*service.address, timeout=60)
        for _ in range(GUESSES):
            service.run(QUERY("forget_guesses"))
            began = time.perf_counter()
            line.request("POST", "/v1/auth/login", body, JSON)
            answer = line.getresponse()
            answer.read()
            times.append(time.perf_counter() - began)
            if answer.status != 401:
                raise WrongAnswer(f"a wrong password: {answer.status}")
        line.close()
        return median(times)

    return side
