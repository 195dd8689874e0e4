"""The GraphQL documents about campaigns that tests send."""

from tests.schema.documents import ERRORS

CAMPAIGN = """
fragment Offered on Campaign {
  id code name headline description phase multiplier bonus pointsPerItem itemCategories startsAt endsAt opensAt closesAt
  budget { current target remaining state endsAt } placesLeft runningLow endedBy
}
"""
_CHANGED = (
    "{ __typename ...Errors ... on WrongCampaignStatus { phase } "
    "... on CampaignSuccess { replayed campaign { ...Offered } } }"
)
CREATE_CAMPAIGN = (
    "mutation M($input: CreateCampaignInput!) { createCampaign(input: $input)"
    + _CHANGED.replace("... on WrongCampaignStatus { phase }", "")
    + "}"
    + CAMPAIGN
    + ERRORS
)
CAMPAIGNS = "query Q($live: Boolean!, $language: String) { campaigns(live: $live, language: $language) { ...Offered } }"
CAMPAIGNS += CAMPAIGN
ONE_CAMPAIGN = "query Q($code: String!) { campaign(code: $code) { ...Offered } }" + CAMPAIGN
PREVIEW_CAMPAIGN = """
query Q($input: PreviewCampaignInput!) {
  previewCampaign(input: $input) {
    __typename
    ... on InvalidInput { problems { path message } }
    ... on CampaignPreview {
      members activities points netPoints reduced { limit count } exhaustedAt
      examples { memberId points activities } membersRead recordsRead isSample
    }
  }
}
"""
CAMPAIGN_AUDIT = """
query Q($code: String!, $first: Int, $after: String) {
  campaignAudit(code: $code, first: $first, after: $after) {
    nodes { number kind at by details { name value } } pageInfo { hasNextPage endCursor }
  }
}
"""


def change_campaign(mutation: str) -> str:
    """The document of a mutation of one campaign, such as pauseCampaign."""
    kind = "ExtendCampaignInput" if mutation == "extendCampaign" else "CampaignInput"
    return f"mutation M($input: {kind}!) {{ {mutation}(input: $input) {_CHANGED} }}" + CAMPAIGN + ERRORS
