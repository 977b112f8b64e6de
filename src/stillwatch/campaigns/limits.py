"""What this log could not have shown: told with every result, so that silence is not taken for innocence."""

from stillwatch.records import campaign
from stillwatch.records.window import Window
from stillwatch.settings import CampaignSettings

_MISSING = (
    ("payment", "shared payment", "Accounts paid by one card or invoice would not be linked. Log payment_id, hashed."),
    ("network", "shared networks", "Accounts behind one proxy network would not be linked. Log ip, or its /24."),
    ("device", "shared devices", "Accounts of one machine would not be linked. Log device_id, hashed."),
    (
        "tokens",
        "what was asked",
        "Without text or signatures neither templates nor a dealt-out pool can be seen. Run `stillwatch sign` where the text is.",
    ),
    (
        "config",
        "client settings",
        "Campaigns told only by their client's settings would not be seen. Log temperature, max_tokens and user_agent.",
    ),
)


def limits(available: frozenset[str], window: Window, settings: CampaignSettings) -> tuple[campaign.Limit, ...]:
    """
    The blind spots of this log, then those of the method.

    Args:
        available: Columns of `signatures` that hold anything.
        window: What was judged.
        settings: The smallest campaign that is reported.
    """
    found = [campaign.Limit(name, told) for column, name, told in _MISSING if column not in available]
    if window.n_days < 3:
        found.append(
            campaign.Limit(
                "rhythm",
                f"The log spans {window.n_days} day{'s' if window.n_days > 1 else ''}: fleets fed from one queue are told by "
                "their hours over three days or more.",
            )
        )
    found.append(
        campaign.Limit(
            "small campaigns",
            f"Groups of fewer than {settings.min_accounts} accounts or {settings.min_exchanges} exchanges are never reported: "
            "so little evidence over-claims.",
        )
    )
    found.append(
        campaign.Limit(
            "watched groups",
            f"Of what is only watched the {settings.most_watched} strongest are told: a fleet of thousands of recipes leaves "
            "hundreds of weak groups beside those that stand for it.",
        )
    )
    found.append(
        campaign.Limit(
            "split, untemplated, covered, clean",
            "A prompt set without any template, split over accounts that share no infrastructure, settings or rhythm, and hidden "
            "in as much cover, cannot be told from ordinary use by a log of this kind; a group must be about half fleet.",
        )
    )
    return tuple(found)
