"""The data that travels with the program keeps its own rules."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from mirage_hole.lists.line import split_lines
from mirage_hole.lists.parse import parse
from mirage_hole.lists.rule import Action, Scope
from mirage_hole.sources.catalogue import data_directory, load_catalogue, starter_path
from mirage_hole.wire.names import from_text, to_text

LINES = starter_path().read_text("utf-8").splitlines()
NAMES = [line.removeprefix("||").removesuffix("^") for line in LINES if line.startswith("||")]

# What a household can't do without. None of these may be blocked, by itself or by a name above it.
ESSENTIAL = """
    google.com www.google.com accounts.google.com mail.google.com play.google.com maps.google.com drive.google.com
    play.googleapis.com storage.googleapis.com fonts.googleapis.com ajax.googleapis.com firebaseinstallations.googleapis.com
    imasdk.googleapis.com fcm.googleapis.com gstatic.com www.gstatic.com googleusercontent.com lh3.googleusercontent.com
    googlevideo.com ytimg.com youtube.com www.youtube.com youtubei.googleapis.com recaptcha.net www.googletagmanager.com
    facebook.com www.facebook.com graph.facebook.com connect.facebook.net fbcdn.net instagram.com whatsapp.net whatsapp.com
    amazon.com www.amazon.com amazonaws.com s3.amazonaws.com cloudfront.net media-amazon.com images-amazon.com
    fls-na.amazon.com primevideo.com alexa.amazon.com bob-dispatch-prod-na.amazon.com
    microsoft.com www.microsoft.com login.microsoftonline.com login.live.com outlook.com office.com office365.com
    windowsupdate.com update.microsoft.com settings-win.data.microsoft.com xboxlive.com live.com msn.com bing.com
    www.bing.com msftconnecttest.com azureedge.net skype.com teams.microsoft.com linkedin.com www.linkedin.com
    apple.com www.apple.com icloud.com mzstatic.com apps.apple.com itunes.apple.com appleid.apple.com captive.apple.com
    push.apple.com gdmf.apple.com swcdn.apple.com xp.apple.com configuration.apple.com
    twitter.com x.com api.twitter.com platform.twitter.com syndication.twitter.com t.co twimg.com
    reddit.com www.reddit.com redd.it redditmedia.com pinterest.com www.pinterest.com snapchat.com tiktok.com quora.com
    paypal.com www.paypal.com paypalobjects.com stripe.com js.stripe.com m.stripe.network checkout.stripe.com adyen.com
    klarna.com klarnacdn.net braintreegateway.com squareup.com visa.com mastercard.com shopify.com cdn.shopify.com
    ebay.com ebaystatic.com etsy.com aliexpress.com alibaba.com taobao.com rakuten.com zalando.com ikea.com otto.de
    linksynergy.com click.linksynergy.com awin1.com anrdoezrs.net dpbolvw.net jdoqocy.com kqzyfj.com tkqlhce.com
    tradedoubler.com shareasale.com go.redirectingat.com goo.gl bit.ly tinyurl.com app.link bnc.lt list-manage.com
    sendgrid.net mailchimp.com mandrillapp.com mailgun.org sparkpostmail.com hubspot.com hsforms.com marketo.com
    go.pardot.com exacttarget.com sentry.io ingest.sentry.io crashlytics.com bugsnag.com
    akamai.net akamaihd.net akamaiedge.net akamaized.net edgesuite.net edgekey.net fastly.net fastlylb.net cloudflare.com
    cdnjs.cloudflare.com challenges.cloudflare.com jsdelivr.net cdn.jsdelivr.net unpkg.com bootstrapcdn.com jquery.com
    code.jquery.com typekit.net use.typekit.net fontawesome.com gravatar.com wp.com wordpress.com i0.wp.com disqus.com
    auth0.com okta.com onelogin.com duosecurity.com hcaptcha.com arkoselabs.com gigya.com onetrust.com cookielaw.org
    cdn.cookielaw.org consensu.org usercentrics.eu cdn.optimizely.com tags.tiqcdn.com
    yahoo.com www.yahoo.com mail.yahoo.com login.yahoo.com finance.yahoo.com yimg.com s.yimg.com aol.com
    netflix.com nflxvideo.net spotify.com scdn.co apresolve.spotify.com hulu.com disneyplus.com dssott.com roku.com
    api.roku.com sonos.com samsung.com samsungcloudsolution.com samsungotn.net lge.com lgtvsdp.com lgappstv.com xiaomi.com
    mi.com miui.com hicloud.com huawei.com oppo.com realme.com adobe.com adobelogin.com adobedtm.com salesforce.com
    force.com oracle.com yandex.ru yandex.com baidu.com vk.com mail.ru wikipedia.org mozilla.org firefox.com github.com
    githubusercontent.com gitlab.com debian.org ubuntu.com docker.io pypi.org npmjs.org nvidia.com gfe.nvidia.com
    steampowered.com steamcontent.com playstation.net nintendo.net roblox.com epicgames.com unity3d.com avast.com
    malwarebytes.com brightcove.com vimeo.com twitch.tv zoom.us slack.com dropbox.com telegram.org signal.org discord.com
    pool.ntp.org time.apple.com time.windows.com ocsp.digicert.com letsencrypt.org digicert.com globalsign.com
"""


def test_every_line_of_the_starter_list_is_read_without_a_complaint():
    with starter_path().open("rb") as file:
        parsed = parse(split_lines([file.read()]), Action.BLOCK)
        rules = list(parsed)
    assert parsed.format == "adblock"
    assert parsed.title == "Mirage Hole starter list"
    assert parsed.complaint_count == 0
    assert [to_text(rule.name) for rule in rules] == NAMES
    assert {(rule.action, rule.scope) for rule in rules} == {(Action.BLOCK, Scope.SUBTREE)}


def test_the_starter_list_has_a_few_hundred_names():
    assert 300 <= len(NAMES) <= 500


def test_each_name_is_there_once_and_none_stands_below_another():
    assert len(NAMES) == len(set(NAMES))
    known = set(NAMES)
    assert [name for name in NAMES if known & set(ancestors(name))] == []


def test_names_are_sorted_within_their_group_and_every_group_says_what_it_is():
    groups, current = [], None
    for line in LINES:
        if not line:
            current = []
            groups.append(current)
        elif current is not None:
            current.append(line)
    assert len(groups) > 20
    for group in groups:
        assert group[0].startswith("! ")
        assert group[1:] == sorted(group[1:], key=lambda line: line[2:-1])
        assert len(group) > 1


def test_nothing_that_a_household_needs_is_blocked():
    known = set(NAMES)
    assert [name for name in ESSENTIAL.split() if known & {name, *ancestors(name)}] == []


@pytest.mark.parametrize(
    "name",
    ["doubleclick.net", "google-analytics.com", "adnxs.com", "criteo.com", "taboola.com", "scorecardresearch.com"],
)
def test_what_everyone_expects_is_blocked(name):
    assert name in NAMES


def test_the_header_says_title_and_licence():
    head = LINES[: LINES.index("")]
    assert head[0].startswith("! Title: ")
    assert any(line.startswith("! Licence: CC0") for line in head)


def test_every_catalogue_entry_is_well_formed_and_unlike_the_others():
    entries = list(load_catalogue().values())
    assert len(entries) >= 40
    for field in ("url", "title"):
        values = [getattr(entry, field) for entry in entries]
        assert len(values) == len(set(values)), field
    for entry in entries:
        from_text(urlsplit(entry.url).hostname)
        assert entry.breaks.endswith("."), entry.key
        assert "\n" not in entry.breaks + entry.title


@pytest.mark.parametrize(
    "key", ["oisd-small", "oisd-big", "hagezi-light", "hagezi-pro", "stevenblack", "adguard-dns", "adaway"]
)
def test_the_lists_that_people_know_are_there(key):
    assert key in load_catalogue()


def test_the_folder_explains_itself():
    text = (data_directory() / "README.md").read_text("utf-8")
    assert "CC0" in text
    assert "||name^" in text


def ancestors(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[start:]) for start in range(1, len(parts))]
