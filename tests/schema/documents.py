"""The GraphQL documents that several tests send, and how they read the effects in the answers."""

from collections.abc import Mapping
from typing import Any

ERRORS = """
fragment Errors on Error {
  code message
  ... on InvalidInput { problems { path message } }
  ... on IdempotencyConflict { key }
  ... on InsufficientPoints { needed available }
  ... on AlreadyTaken { field }
  ... on UnknownActivity { key }
  ... on AlreadyReversed { key }
  ... on NotReversible { key kind }
}
"""
WHY = "fragment Because on Why { text source rule campaign code arithmetic inputs { name value } lots because }"
EFFECTS = (
    """
fragment Effects on Record {
  effects {
    __typename
    ... on LedgerEntry { id at account points activityKey activityKind why { ...Because } }
    ... on ChallengeProgressed { code title before after target why { ...Because } }
    ... on ChallengeCompleted { code title times why { ...Because } }
    ... on ChallengeCompletionLost { code title times why { ...Because } }
    ... on BadgeWon { code name level why { ...Because } }
    ... on BadgeLost { code name previousLevel level why { ...Because } }
    ... on TierMoved { fromTier toTier name up reason why { ...Because } }
    ... on TierReviewed { tier name verdict graceUntil why { ...Because } }
    ... on StreakMoved {
      code name previousLength length frozen freezes longest periods { firstDay fate } why { ...Because }
    }
    ... on StreakReached { code name length why { ...Because } }
    ... on Celebrated { occasion years why { ...Because } }
    ... on ChainCut { links why { ...Because } }
    ... on BoardScored { board name period scope previousScore score reachedAt why { ...Because } }
    ... on BonusWithheld { campaign name wanted granted limit why { ...Because } }
    ... on LotMoved { code previousLot { ...Open } lot { ...Open } why { ...InShort } }
    ... on TierGranted { grantedTier grantedUntil why { ...InShort } }
    ... on TierProgressed { tier name previousProgress { ...Way } progress { ...Way } why { ...InShort } }
    ... on PausePlanned { code name firstDay lastDay why { ...InShort } }
    ... on PauseDropped { code name firstDay lastDay why { ...InShort } }
    ... on Redated { what code name badgeLevel previouslyAt reachedAt why { ...InShort } }
    ... on AttributeChanged { name previousValue value why { ...InShort } }
    ... on TotalsMoved { previousTotals { ...Sums } totals { ...Sums } why { ...InShort } }
    ... on Truncated { leftOut why { ...InShort } }
  }
}
fragment Open on OpenLot { points remaining pending earnedAt availableAt waitsFor expiresAt goneAt }
fragment Way on TierProgress { counted since kept keepUntil graceUntil }
fragment InShort on Why { text inputs { name value } lots because }
fragment Sums on Totals { earned spent expired purchases items spend }
"""
    + WHY
)
RECORD = (
    "fragment Line on Record { id seq key kind occurredAt effectiveAt recordedAt programVersion points ...Effects }"
)
RECORDED = (
    "fragment Recorded on RecordActivitySuccess { replayed record { ...Line } member { id points { available } } }"
)

RECORD_ACTIVITY = (
    "mutation M($input: ActivityInput!) { recordActivity(input: $input) { __typename ...Recorded ...Errors } }"
    + RECORDED
    + RECORD
    + EFFECTS
    + ERRORS
)
REVERSE_ACTIVITY = (
    """
mutation M($input: ReverseActivityInput!) {
  reverseActivity(input: $input) {
    __typename ...Errors
    ... on ReverseActivitySuccess {
      replayed member { id points { available } }
      record { reverses reason isRevision revisedFrom ...Line }
    }
  }
}
"""
    + RECORD
    + EFFECTS
    + ERRORS
)
RECORD_ACTIVITIES = (
    """
mutation M($input: RecordActivitiesInput!) {
  recordActivities(input: $input) {
    __typename ...Errors
    ... on RecordActivitiesSuccess {
      results {
        __typename ...Errors
        ... on RecordActivitySuccess { replayed record { id seq key points } member { id points { available } } }
      }
    }
  }
}
"""
    + ERRORS
)
ADJUST_POINTS = (
    "mutation M($input: AdjustPointsInput!) { adjustPoints(input: $input) { __typename ...Recorded ...Errors } }"
    + RECORDED
    + RECORD
    + EFFECTS
    + ERRORS
)
STAND = """
fragment Stand on %s {
  points { available pending earned }
  tier { current { code } progress { label } }
  challenges(first: 20) { nodes { code timesCompleted progress { label state } } }
  badges(first: 20) { nodes { code level } }
}
"""
"""What a member has reached, of a MemberStanding or of the Member, whichever is put in."""
SIMULATE = (
    """
query Q($input: SimulateActivityInput!) {
  simulateActivity(input: $input) {
    __typename ...Errors
    ... on SimulateActivitySuccess { points records { ...Line } before { ...Stand } after { ...Stand } }
  }
}
"""
    + STAND % "MemberStanding"
    + RECORD
    + EFFECTS
    + ERRORS
)
SIMULATE_CHAIN = (
    """
query Q($input: SimulateActivitiesInput!) {
  simulateActivities(input: $input) {
    __typename ...Errors
    ... on SimulateActivitiesSuccess {
      points records { isRevision ...Line } before { ...Stand } after { ...Stand }
      steps { at points records { seq } after { ...Stand } }
    }
  }
}
"""
    + STAND % "MemberStanding"
    + RECORD
    + EFFECTS
    + ERRORS
)
PROFILE = (
    "fragment Profile on Member { id displayName handle alias avatarUrl language timeZone birthday showcase ...Shown }"
    " fragment Shown on Member { visibility { profile avatar tier badges board } }"
)
ENROL_MEMBER = (
    """
mutation M($input: EnrolMemberInput!) {
  enrolMember(input: $input) {
    __typename ...Errors
    ... on EnrolMemberSuccess { replayed member { ...Profile loyaltyNumber externalId enrolledAt } }
  }
}
"""
    + PROFILE
    + ERRORS
)
UPDATE_PROFILE = (
    """
mutation M($input: UpdateProfileInput!) {
  updateProfile(input: $input) { __typename ...Errors ... on ProfileSuccess { member { ...Profile } } }
}
"""
    + PROFILE
    + ERRORS
)
SET_BADGE_SHOWCASE = (
    """
mutation M($input: SetBadgeShowcaseInput!) {
  setBadgeShowcase(input: $input) { __typename ...Errors ... on ProfileSuccess { member { showcase } } }
}
"""
    + ERRORS
)
PUBLIC_PROFILE = """
query Q($handle: String!, $language: String) {
  publicProfile(handle: $handle, language: $language) {
    id handle avatarUrl tier { code name } badges { code name iconUrl rarity level levelName }
  }
}
"""
STATEMENT = """
query Q($id: ID, $first: Int, $after: String) {
  statement(memberId: $id, first: $first, after: $after) {
    edges { cursor node { id } }
    nodes { id points account activityKey }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""

CODED = {
    "ChallengeProgressed": ("code", "before", "after", "target"),
    "ChallengeCompleted": ("code", "times"),
    "ChallengeCompletionLost": ("code", "times"),
    "BadgeWon": ("code", "level"),
    "BadgeLost": ("code", "previousLevel", "level"),
    "TierMoved": ("fromTier", "toTier", "up"),
    "TierReviewed": ("tier", "verdict", "graceUntil"),
    "StreakMoved": ("code", "previousLength", "length", "frozen"),
    "StreakReached": ("code", "length"),
    "Celebrated": ("occasion", "years"),
    "ChainCut": ("links",),
    "BonusWithheld": ("campaign", "wanted", "granted", "limit"),
    "BoardScored": ("board", "period", "scope", "previousScore", "score"),
    "LotMoved": ("code",),
    "TierGranted": ("grantedTier", "grantedUntil"),
    "TierProgressed": ("tier",),
    "PausePlanned": ("code", "firstDay", "lastDay"),
    "PauseDropped": ("code", "firstDay", "lastDay"),
    "Redated": ("what", "code", "badgeLevel", "previouslyAt", "reachedAt"),
    "AttributeChanged": ("name", "previousValue", "value"),
    "TotalsMoved": (),
    "Truncated": ("leftOut",),
}


def in_short(effect: Mapping[str, Any]) -> tuple[Any, ...]:
    """An effect as (type, what decided it, its figures..., the place of what led to it)."""
    kind, why = effect["__typename"], effect["why"]
    if kind == "LedgerEntry":
        return (effect["account"], effect["points"], why["source"], why["code"], why["because"])
    return (kind, *(effect[name] for name in CODED[kind]), why["because"])
