"""All doubles in a process of their own: ``python -m tests.push_doubles FOLDER [--count-only]``.

Writes credentials into the folder, and one line of JSON to standard output: the variables that have Laurel send here.
Answers every line on standard input with one line of JSON: what each double has taken. Ends with standard input.
"""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from tests.push_doubles.apns import KEY_ID, TEAM_ID, TOPIC, ApnsDouble, serving_apns
from tests.push_doubles.certificates import authority_pem
from tests.push_doubles.fcm import FcmDouble, serving_fcm
from tests.push_doubles.phones import Phones
from tests.push_doubles.web_push import SUBJECT, WebPushDouble, raw_key, serving_web_push


async def main(folder: Path, keep: bool) -> None:
    """Serve until standard input ends."""
    async with AsyncExitStack() as stack:
        fcm = await stack.enter_async_context(serving_fcm(FcmDouble(phones=Phones(keep))))
        apns = await stack.enter_async_context(serving_apns(ApnsDouble(phones=Phones(keep))))
        web = await stack.enter_async_context(serving_web_push(WebPushDouble(phones=Phones(keep))))
        print(json.dumps(variables(fcm, apns, web, folder)), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(
                json.dumps({double.__class__.__name__: taken(double.phones) for double in (fcm, apns, web)}), flush=True
            )


def variables(fcm: FcmDouble, apns: ApnsDouble, web: WebPushDouble, folder: Path) -> dict[str, str]:
    """What to set so that Laurel sends to these doubles."""
    authority = folder / "authority.pem"
    authority.write_bytes(authority_pem())
    return {
        "SSL_CERT_FILE": str(authority),
        "LAUREL_FCM_CREDENTIALS": str(fcm.credentials_file(folder)),
        "LAUREL_FCM_URL": fcm.http.url,
        "LAUREL_APNS_KEY": str(apns.key_file(folder)),
        "LAUREL_APNS_KEY_ID": KEY_ID,
        "LAUREL_APNS_TEAM_ID": TEAM_ID,
        "LAUREL_APNS_TOPIC": TOPIC,
        "LAUREL_APNS_URL": apns.http.url,
        "LAUREL_VAPID_KEY": raw_key(web.vapid_key),
        "LAUREL_VAPID_SUBJECT": SUBJECT,
        "LAUREL_OUTBOUND_ALLOW": "127.0.0.0/8, ::1",
    }


def taken(phones: Phones) -> dict[str, int]:
    """How many pushes came, how many of them again, and how many notices stand on a screen twice."""
    return {"count": phones.count, "repeats": phones.repeats(), "shown_twice": len(phones.shown_twice())}


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), "--count-only" not in sys.argv))
