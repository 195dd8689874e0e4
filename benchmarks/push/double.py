"""APNs' double in a process of its own: ``python -m benchmarks.push.double FOLDER``.

It speaks HTTP/2 over TLS and checks what it is sent. Writes its credentials into the folder, and one line of JSON to
standard output: the variables that have Laurel send here. Each line on standard input is answered with one of JSON:
``count`` with how many pushes were taken, ``times`` with when each device got its first one (monotonic seconds, which
processes of a machine share). Ends with standard input.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from tests.push_doubles.apns import KEY_ID, TEAM_ID, TOPIC, ApnsDouble, serving_apns
from tests.push_doubles.certificates import authority_pem
from tests.push_doubles.phones import Arrival, Phones

TIMED_DEVICES = 10_000
"""Of how many devices the first push is timed."""


@dataclass
class TimedPhones(Phones):
    """Counts pushes, and notes when each of the first devices got its first one."""

    keep: bool = False
    first_at: dict[str, float] = field(default_factory=dict)

    def receive(self, arrival: Arrival) -> None:
        """One more."""
        self.count += 1
        if len(self.first_at) < TIMED_DEVICES:
            self.first_at.setdefault(arrival.device, time.monotonic())


async def main(folder: Path) -> None:
    """Serve until standard input ends."""
    phones = TimedPhones()
    async with serving_apns(ApnsDouble(phones=phones)) as double:
        print(json.dumps(variables(double, folder)), flush=True)
        while asked := await asyncio.to_thread(sys.stdin.readline):
            answer = phones.first_at if asked.strip() == "times" else phones.count
            print(json.dumps({asked.strip(): answer}), flush=True)


def variables(double: ApnsDouble, folder: Path) -> dict[str, str]:
    """What to set so that Laurel sends to this double."""
    authority = folder / "authority.pem"
    authority.write_bytes(authority_pem())
    return {
        "SSL_CERT_FILE": str(authority),
        "LAUREL_APNS_KEY": str(double.key_file(folder)),
        "LAUREL_APNS_KEY_ID": KEY_ID,
        "LAUREL_APNS_TEAM_ID": TEAM_ID,
        "LAUREL_APNS_TOPIC": TOPIC,
        "LAUREL_APNS_URL": double.http.url,
        "LAUREL_OUTBOUND_ALLOW": "127.0.0.0/8, ::1",
    }


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1])))
