"""One holder of control at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from station.access.helm import Helm, HelmNews


def test_who_comes_first_holds_and_the_next_one_has_to_ask() -> None:
    helm = Helm()
    assert helm.take("Li", 0.0)
    assert not helm.take("Bo", 1.0)
    assert helm.news(2.0) == HelmNews("Li", "Bo", 19.0)


def test_the_holder_gives_or_keeps_and_nobody_else_answers() -> None:
    helm = Helm()
    helm.take("Li", 0.0)
    helm.take("Bo", 1.0)
    helm.answer("Bo", 2.0, give=True)
    assert helm.news(2.0).holder == "Li"
    helm.answer("Li", 3.0, give=False)
    assert helm.news(3.0) == HelmNews("Li", "", 0.0)
    helm.take("Bo", 4.0)
    helm.answer("Li", 5.0, give=True)
    assert helm.news(5.0) == HelmNews("Bo", "", 0.0)


def test_without_an_answer_control_goes_over() -> None:
    helm = Helm()
    helm.take("Li", 0.0)
    helm.take("Bo", 1.0)
    helm.take("Bo", 15.0)
    assert helm.news(21.0).holder == "Li"
    assert helm.news(21.1) == HelmNews("Bo", "", 0.0)


def test_who_has_gone_away_holds_nothing() -> None:
    helm = Helm()
    helm.take("Li", 0.0)
    helm.hear("Li", 100.0)
    assert helm.news(219.0).holder == "Li"
    assert helm.news(221.0).holder == ""
    assert helm.take("Bo", 222.0)


def test_letting_go_hands_over_to_who_asked() -> None:
    helm = Helm()
    helm.take("Li", 0.0)
    helm.take("Bo", 1.0)
    helm.leave("Li", 2.0)
    assert helm.news(2.0).holder == "Bo"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["take", "give", "keep", "leave", "hear"]), st.sampled_from("ABC"), st.floats(0.0, 60.0)
        ),
        max_size=40,
    )
)
def test_control_never_goes_to_somebody_who_did_not_want_it(acts: list[tuple[str, str, float]]) -> None:
    helm, now_s, wanted = Helm(), 0.0, {""}
    for act, name, passed_s in acts:
        now_s += passed_s
        match act:
            case "take":
                wanted.add(name)
                assert helm.take(name, now_s) is (helm.news(now_s).holder == name)
            case "leave":
                helm.leave(name, now_s)
                wanted.discard(name)
            case "hear":
                helm.hear(name, now_s)
            case _:
                helm.answer(name, now_s, give=act == "give")
        news = helm.news(now_s)
        assert news.holder in wanted
        assert news.asker in wanted
        assert news.asker == "" or news.asker != news.holder
