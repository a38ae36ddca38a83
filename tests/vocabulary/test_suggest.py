"""Facts about what an unknown name may be meant for."""

from __future__ import annotations

import pytest

from anima_prompt import Section, Vocabulary
from anima_prompt.vocabulary import Entry
from anima_prompt.vocabulary.spelling import is_compound, is_mechanical, is_spelling, word_edits
from anima_prompt.vocabulary.suggest import Suggestion, respelled, slip, suggestion, with_other_gaps

TABLE = Vocabulary.default()


def meant(name: str, known: frozenset[str] = frozenset(), table: Vocabulary = TABLE) -> str:
    near = suggestion(table, name, known)
    return near.entry.name if near else ""


def sure(name: str) -> bool:
    near = suggestion(TABLE, name, frozenset())
    assert near is not None, name
    return near.is_sure


def general(name: str, count: int = 5000, *aliases: str) -> Entry:
    return Entry(name, "general", Section.GENERAL, count, aliases)


def table_of(*entries: Entry) -> Vocabulary:
    return Vocabulary(entries)


@pytest.mark.parametrize(
    "name",
    """
    slowking groin suzumiya_haruhiko nakamori_aoko planetes thanos kaonashi riddle_rosehearts izumi_kanata don't
    ray_tracing snowfall gym_setting crashing_waves bleeding_colors battleground quicksilver coneflower
    suzumiya_haruhito hatsune_mikuta minase_inoru kotobuki_hanako mizuno_haruto drago minoto xyzzyva
    """.split(),
)
def test_live_names_english_and_persons_are_meant_as_they_stand(name: str) -> None:
    assert meant(name) == ""


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("looking_at_veiwer", "looking_at_viewer"),
        ("lookin_at_viewer", "looking_at_viewer"),
        ("long_hiar", "long_hair"),
        ("olng_hair", "long_hair"),
        ("smlie", "smile"),
        ("thighhihgs", "thighhighs"),
        ("loking_at_veiwer", "looking_at_viewer"),
        ("white_glov", "white_gloves"),
        ("long_sleev", "long_sleeves"),
        ("twintai", "twintails"),
        ("masterpeice", "masterpiece"),
        ("best_qualtiy", "best_quality"),
        ("hatsune_mikuu", "hatsune_miku"),
        ("genshin_imapct", "genshin_impact"),
        ("honkai_imppact_3rd", "honkai_impact_3rd"),
        ("abusrdres", "absurdres"),
        ("multicoloured_hair", "multicolored_hair"),
        ("jewellery", "jewelry"),
        ("floating_islands", "floating_island"),
        ("crossed_arm", "crossed_arms"),
        ("two_tone_hair", "two-tone_hair"),
        ("snow_flakes", "snowflakes"),
        ("livingroom", "living_room"),
        ("looking-at-viewer", "looking_at_viewer"),
        ("holding_bow(weapon)", "holding_bow_(weapon)"),
        ("bestquality", "best_quality"),
        ("headge", "headgear"),
        ("bracel", "bracelet"),
    ],
)
def test_a_slip_or_another_spelling_leads_to_the_tag(name: str, tag: str) -> None:
    assert meant(name) == tag


def test_artists_and_words_of_other_models_are_never_suggested() -> None:
    table = table_of(
        Entry("shinkawa_youji", "artist", Section.ARTIST, 9000),
        Entry("amazing_quality", "closed", Section.QUALITY, write="masterpiece"),
    )
    for name in ("shinkawa_youjj", "shinkawayouji", "amazing_qualtiy", "amazingquality"):
        assert meant(name, table=table) == "", name


def test_nothing_leads_through_an_alias_to_another_word() -> None:
    table = table_of(general("water_drop", 5000, "rainclop"), general("ponytail", 5000, "pony_tail", "tail_pony"))
    assert meant("rainclopp", table=table) == ""
    assert meant("rainclops", table=table) == ""
    assert meant("ponny_tail", table=table) == "ponytail"
    assert is_spelling("pony_tail", "ponytail")
    assert is_spelling("miku_hatsune", "hatsune_miku")
    assert not is_spelling("rainclop", "water_drop")
    assert not is_spelling("xy", "xz"), "too short to be near"


def test_a_live_alias_is_no_slip_but_may_be_another_spelling() -> None:
    assert meant("bulleta") == ""
    assert meant("quorblesnut", table=table_of(general("quorblesnat"))) == "quorblesnat"
    assert meant("water_drops") == "water_drop"


def test_at_most_two_words_are_slips_with_one_letter_each_and_none_beside_in_a_name() -> None:
    table = table_of(
        general("quorble_snat_fleezing_zanafi"), Entry("mirrable_plonty", "character", Section.CHARACTER, 900)
    )
    assert meant("quorbl_snat_fleezing_zanafy", table=table) == "quorble_snat_fleezing_zanafi"
    assert meant("quorbl_snaat_fleezing_zanafy", table=table) == ""
    assert meant("quorbl_snat_fleezng_zanafyi", table=table) == ""
    assert meant("mirable_plonty", table=table) == "mirrable_plonty"
    assert meant("mirable_plontyy", table=table) == ""


def test_a_known_word_of_the_caller_is_no_slip() -> None:
    assert meant("looking_at_veiwer", frozenset(("veiwer",))) == ""


def test_a_rare_tag_is_not_meant() -> None:
    assert meant("quorblesnut", table=table_of(general("quorblesnat", 99))) == ""
    assert meant("quorblesnut", table=table_of(general("quorblesnat", 100))) == "quorblesnat"
    person = Entry("quorblesnat_zanafi", "character", Section.CHARACTER, 499)
    assert meant("quorblesnut_zanafi", table=table_of(person)) == ""


def test_of_two_tags_as_near_the_most_common_comes_first_and_no_fix_is_sure() -> None:
    near = slip(table_of(general("quorblesnat", 2000), general("quorblesnit", 3000)), "quorblesnut", frozenset())
    assert near is not None
    assert (near.entry.name, [entry.name for entry in near.alternatives], near.is_sure) == (
        "quorblesnit",
        ["quorblesnat"],
        False,
    )
    near = slip(table_of(general("quorblesnat", 2000), general("quorblesnit", 20000)), "quorblesnut", frozenset())
    assert near is not None
    assert (near.entry.name, near.alternatives, near.is_sure) == ("quorblesnit", (), False)
    two = table_of(general("quorble_snat", 2000), general("quorble_snit", 90000))
    near = slip(two, "quorble_snut", frozenset())
    assert near is not None
    assert (near.entry.name, near.alternatives, near.is_sure) == ("quorble_snit", (), False)
    farther = slip(table_of(general("quorblesnat", 200), general("quorblesiit", 90000)), "quorblesnut", frozenset())
    assert farther is not None
    assert farther.entry.name == "quorblesnat"


def test_a_fix_is_sure_for_a_common_plain_tag_one_letter_off_alone() -> None:
    for name in ("looking_at_veiwer", "masterpeice", "umbrela", "two_tone_hair", "multicoloured_hair", "sleeveles"):
        assert sure(name), name
    for name in (
        "hatsune_mikuu",  # a character
        "genshin_imapct",  # a series
        "honkai_star_rial",  # a series
        "floating_islands",  # another number
        "long_slee",  # two letters
        "wysteria",  # a lone word that may be a name
        "loking_at_veiwer",  # two words
    ):
        near = suggestion(TABLE, name, frozenset())
        assert near is None or not near.is_sure, name
    rare = slip(table_of(general("quorble_snat", 999)), "quorblle_snat", frozenset())
    common = slip(table_of(general("quorble_snat", 1000)), "quorblle_snat", frozenset())
    assert (rare and rare.is_sure, common and common.is_sure) == (False, True)


def test_two_words_in_one_are_a_compound_unless_the_tag_is_common() -> None:
    assert with_other_gaps(TABLE, "longhair") is not None
    assert with_other_gaps(TABLE, "darkroom") is None
    assert with_other_gaps(TABLE, "short_s") is None
    assert is_compound("cyberwitches")
    assert not is_compound("softlighiting")
    assert meant("colorfulhats", table=table_of(general("colorful_hates"))) == ""


def test_a_word_that_begins_more_common_tags_is_no_plural() -> None:
    assert respelled(TABLE, "short") is None
    assert respelled(TABLE, "puffy_sleeve") is not None
    table = table_of(general("quorbles", 500), general("quorble_hat", 400))
    near = respelled(table, "quorble")
    assert near == Suggestion(table.lookup("quorbles"), 0, is_sure=False)  # type: ignore[arg-type]
    assert respelled(table_of(general("quorbles", 500), general("quorble_hat", 600)), "quorble") is None


def test_a_long_vowel_of_a_name_is_a_spelling_of_it_if_another_word_is_the_same() -> None:
    table = table_of(
        Entry("zanafi_kyouko", "character", Section.CHARACTER, 900),
        Entry("yuukix", "character", Section.CHARACTER, 900),
    )
    assert meant("zanafi_kyoko", table=table) == "zanafi_kyouko"
    assert respelled(table, "yukix") is None


@pytest.mark.parametrize(
    ("word", "other", "alone", "named", "edits"),
    [
        ("eys", "eyes", False, False, 0),  # three letters
        ("glov", "glove", False, False, 1),
        ("glov", "glove", False, True, 0),
        ("glove", "gloves", False, True, 1),
        ("gloxe", "glove", True, False, 0),  # five letters alone
        ("golve", "glove", True, False, 1),  # swapped
        ("hiar", "hair", True, False, 0),
        ("mitens", "mittens", True, False, 1),
        ("nittens", "mittens", True, False, 0),  # another first letter
        ("nittens", "mittens", False, False, 1),
        ("nitten", "mitten", False, True, 1),
        ("nitte", "mitte", False, True, 0),
        ("jnecklace", "necklace", True, False, 1),
        ("imttens", "mittens", True, False, 1),
        ("neklac", "necklace", False, False, 0),  # two edits in six letters
        ("necklccs", "necklace", False, False, 2),
        ("necklccs", "necklace", True, False, 0),
        ("neckerchif", "neckerchief", True, False, 1),
        ("neckrchiff", "neckerchief", True, False, 2),
        ("neckrchiff", "neckerchief", False, True, 2),
        ("xeckrchief", "neckerchief", False, False, 0),
        ("slee", "sleeves", False, False, 0),  # three letters are missing
        ("sleev", "sleeves", False, False, 2),
        ("sleev", "sleeves", True, False, 0),
        ("sleev", "sleeves", False, True, 0),
        ("headge", "headgear", True, False, 2),
    ],
)
def test_how_many_letters_a_slip_may_have(word: str, other: str, alone: bool, named: bool, edits: int) -> None:
    assert word_edits(word, other, is_alone=alone, named=named) == edits


def test_swapped_doubled_and_halved_letters_are_mechanical() -> None:
    assert is_mechanical("unifrom", "uniform")
    assert is_mechanical("beautifull", "beautiful")
    assert is_mechanical("umbrela", "umbrella")
    assert not is_mechanical("uniforn", "uniform")
    assert not is_mechanical("unifor", "uniform")
    assert not is_mechanical("uinfrom", "uniform"), "two swaps"
    assert not is_mechanical("mrofinu", "uniform")
    assert not is_mechanical("smile", "smile")
