"""Progress bars at their ends: a badge not begun, half way and full, and a tier with none above it."""

from datetime import timedelta

from gamification.member import Member
from tests.schema.api import NOW, Api, Json, purchase, themself

BARS = """
{
  me {
    tier { current { code } next { code } progress { current target remaining ratio percent state } }
    badges(unwon: true) { nodes { code level progress { ...Bar } } }
  }
}
fragment Bar on ProgressBar { current target remaining ratio percent label state milestones { at reached } }
"""


async def collector(api: Api, member: Member) -> Json:
    """The badge for 5, 10 and 25 CDs as the member sees it."""
    badges = (await api.data(BARS, themself(member)))["me"]["badges"]["nodes"]
    (found,) = [one for one in badges if one["code"] == "collector"]
    return dict(found)


async def test_a_badge_from_nothing_to_full(api: Api) -> None:
    ada = await api.enrol("Ada")
    marks: list[Json] = [{"at": 5.0, "reached": False}, {"at": 10.0, "reached": False}, {"at": 25.0, "reached": False}]
    assert await collector(api, ada) == {
        "code": "collector",
        "level": 0,
        "progress": {
            "current": 0.0,
            "target": 5.0,
            "remaining": 5.0,
            "ratio": 0.0,
            "percent": 0,
            "label": "0 / 5 CDs",
            "state": "ACTIVE",
            "milestones": marks,
        },
    }
    await api.record(ada, purchase("p1", NOW - timedelta(days=1), 1000, cds=7))
    half = await collector(api, ada)
    assert (half["level"], half["progress"]["label"], half["progress"]["percent"]) == (1, "7 / 10 CDs", 70)
    await api.record(ada, purchase("p2", NOW, 1000, cds=33))
    full = {
        "code": "collector",
        "level": 3,
        "progress": {
            "current": 25.0,
            "target": 25.0,
            "remaining": 0.0,
            "ratio": 1.0,
            "percent": 100,
            "label": "25 / 25 CDs",
            "state": "COMPLETED",
            "milestones": [mark | {"reached": True} for mark in marks],
        },
    }
    assert await collector(api, ada) == full, "40 CDs are more than the highest level asks for"


async def test_the_highest_tier(api: Api) -> None:
    ada = await api.record(await api.enrol("Ada"), purchase("p1", NOW, 62_050))
    assert (await api.data(BARS, themself(ada)))["me"]["tier"] == {
        "current": {"code": "platinum"},
        "next": None,
        "progress": {
            "current": 620.5,
            "target": 500.0,
            "remaining": 0.0,
            "ratio": 1.0,
            "percent": 100,
            "state": "COMPLETED",
        },
    }
