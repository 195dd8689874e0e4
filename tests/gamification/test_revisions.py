"""Revisions where campaigns, debts and checkpoints have a say: cases that went wrong once."""

from dataclasses import replace

from gamification.activity import EARLIEST
from gamification.campaigns import Offer, Offers
from gamification.circumstances import Circumstances
from gamification.member_fold import MemberFold
from gamification.program.campaigns import Campaign
from gamification.requests import Recorded, RecordRequest
from gamification.state import Moment
from tests.gamification.clerk import MEMBER_ID, Clerk, drive
from tests.gamification.programs import adjustment, at, campaign, program, purchase, rule
from tests.gamification.test_merging import OTHER_ID, change, enrolled

SHOP = program(rules=[rule()])
DOUBLE = Offer(Campaign.model_validate(campaign(budget={"points": 100})), 1, 100)


def bought(clerk: Clerk, day: int, key: str) -> None:
    """A purchase of 10 at noon of a day in May."""
    clerk.record(purchase(at(f"2026-05-{day:02} 12:00"), 1000, key=key))


def test_two_late_ones_in_one_call_go_by_a_campaign_that_the_past_does_not_know() -> None:
    clerk = Clerk(SHOP, at("2026-05-01"), [DOUBLE])
    offers, clerk.offers = clerk.offers, Offers([])
    bought(clerk, 9, "on time")
    circumstances = Circumstances(clerk.schedule, offers, at("2026-05-10"))
    fold = MemberFold(clerk.member, circumstances, clerk.past(Moment(EARLIEST, "")), {})
    for day in (3, 4):
        late = purchase(at(f"2026-05-0{day}"), 1000, key=f"late {day}")
        assert isinstance(drive(fold.add(RecordRequest(MEMBER_ID, late), None)), Recorded)
    assert fold.member.state.balance.available == 10 + 20 + 20


def test_a_gift_may_be_smaller_than_the_debt() -> None:
    clerk = Clerk(SHOP, at("2026-05-01"))
    clerk.record(purchase(at("2026-05-02"), 10_000, key="p"))
    clerk.record(adjustment(at("2026-05-03"), -60))
    clerk.reverse("p", at("2026-05-04"))
    assert (clerk.state.balance.available, clerk.state.debt) == (-60, 60)
    clerk.record(adjustment(at("2026-05-05"), 5))
    assert (clerk.state.balance.available, clerk.state.debt, clerk.state.lots) == (-55, 55, ())


def test_what_was_bought_while_a_campaign_paused_gets_nothing_of_it_later() -> None:
    clerk = Clerk(SHOP, at("2026-05-01"), [DOUBLE])
    running, clerk.offers = clerk.offers, Offers([])
    for day in (2, 3):
        bought(clerk, day, f"p{day}")
    clerk.offers = running
    clerk.reverse("p2", at("2026-05-04"))
    assert clerk.state.balance.available == 10
    assert clerk.offers.left("double") == DOUBLE


def test_what_staff_adds_to_a_budget_is_not_for_what_it_was_too_small_for() -> None:
    small = replace(DOUBLE, room=5)
    clerk = Clerk(SHOP, at("2026-05-01"), [small])
    bought(clerk, 2, "cut")
    bought(clerk, 3, "other")
    assert clerk.state.balance.available == 10 + 5 + 10
    clerk.offers = Offers([DOUBLE])
    clerk.reverse("other", at("2026-05-04"))
    assert clerk.state.balance.available == 10 + 5


def test_checkpoints_are_made_also_where_every_activity_follows_the_clock() -> None:
    shop = program(rules=[rule()], points={"pending_days": 1})
    clerk = Clerk(shop, at("2020-01-01"))
    for number in range(205):
        day = at("2020-01-02").fromordinal(at("2020-01-02").toordinal() + 2 * number)
        clerk.record(purchase(day.replace(tzinfo=at("2020-01-01").tzinfo), 100, key=f"p{number:03}"))
    assert len(clerk.records) == 205 + 204
    assert [each.state.activities for each in clerk.checkpoints] == [100, 200]


def test_merging_moves_what_a_campaign_gave_also_when_it_is_over() -> None:
    one, other = enrolled(SHOP, at("2026-05-01")), enrolled(SHOP, at("2026-05-01"), OTHER_ID)
    for clerk in (one, other):
        clerk.offers, clerk.terms = Offers([DOUBLE]), {("double", 1): DOUBLE.terms}
        bought(clerk, 2, "p")
        assert clerk.state.balance.available == 20
        clerk.offers = Offers([])
    change(one, other, at("2026-05-05"))
    assert (one.state.balance.available, other.state.balance.available) == (40, 0)
    change(one, other, at("2026-05-06"), undoes=True)
    assert (one.state.balance.available, other.state.balance.available) == (20, 20)
