"""A program in which everything changes with time, and what its tests share. Its days are those of UTC."""

from datetime import UTC, datetime

from gamification.activity import Activity

TIME_SHOP = """
code: time-shop
name: Time Shop
languages: [en, da]
time_zone: UTC
money: {currency: USD, decimals: 2}
points: {name: {en: points, da: point}, pending_days: 1, expire_days: 30, grace_days: 2}
reversals: {policy: allow_debt}
rules:
  - {code: dollars, name: {en: A point for every dollar, da: Et point for hver dollar}, on: purchase,
     earn: {points: 1, per_amount: 1}}
tiers:
  metric: spend
  window: calendar year
  downgrade: {to: one_level, grace_days: 30}
  levels:
    - {code: bronze, name: Bronze, threshold: 0}
    - {code: silver, name: {en: Silver, da: Sølv}, threshold: 100}
    - {code: gold, name: {en: Gold, da: Guld}, threshold: 250}
streaks:
  - code: daily
    name: {en: Every day, da: Hver dag}
    description: {en: Come by every day., da: Kom forbi hver dag.}
    unit: {en: days, da: dage}
    conditions: [{on: visit}]
    freezes: {start: 1, every: 7, limit: 2}
    member_pauses: {max_days: 3, per_year: 1}
    milestones:
      - {length: 3, name: {en: Three days, da: Tre dage}, reward: {points: 10}}
      - {every: 5, reward: {points: 20}}
  - code: weekly
    name: {en: Every week, da: Hver uge}
    period: week
    mode: all
    conditions: [{on: purchase, times: 2}, {on: [visit, review]}]
boards:
  - {code: spenders, name: Spenders, on: purchase, metric: points, period: all_time}
"""


def on(month: int, day: int, hour: int = 12, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def visit(at: datetime) -> Activity:
    return Activity(f"visit {at.isoformat()}", "visit", at)
