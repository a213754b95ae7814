"""What a push says on a lock screen: short, in four languages, and never what somebody wrote to somebody."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from kcardswap.domain.notifications.entity import NotificationType as Kind


class Language(StrEnum):
    """A language pushes are written in."""

    ENGLISH = "en"
    KOREAN = "ko"
    CHINESE = "zh-TW"
    JAPANESE = "ja"


class Text(NamedTuple):
    """Title and body of a push; ``{name}`` stands for whose doing it is."""

    title: str
    body: str


class Subject(NamedTuple):
    """How a sentence names whose doing it is, and how when they have no name."""

    named: str
    nameless: str


SUBJECTS: Mapping[Language, Subject] = {
    Language.ENGLISH: Subject("{name}", "Someone"),
    Language.KOREAN: Subject("{name}님이", "누군가"),
    Language.CHINESE: Subject("{name} ", "有人"),
    Language.JAPANESE: Subject("{name}さんが", "だれかが"),
}

TEXTS: Mapping[Language, Mapping[Kind, Text]] = {
    Language.ENGLISH: {
        Kind.FRIEND_REQUEST: Text("Friend request", "{name} wants to be friends with you."),
        Kind.FRIEND_ACCEPTED: Text("You are friends", "{name} accepted your friend request."),
        Kind.MESSAGE_REQUEST: Text("Message request", "{name} would like to write to you."),
        Kind.MESSAGE_REQUEST_ACCEPTED: Text("Request accepted", "{name} accepted your message request."),
        Kind.CHAT_MESSAGE: Text("New message", "{name} sent you a message."),
        Kind.TRADE_PROPOSAL: Text("Swap proposal", "{name} proposed a swap to you."),
        Kind.TRADE_ACCEPTED: Text("Swap accepted", "{name} accepted the swap."),
        Kind.TRADE_REJECTED: Text("Swap declined", "{name} declined the swap."),
        Kind.TRADE_CANCELED: Text("Swap canceled", "A swap of yours was canceled."),
        Kind.TRADE_SHIPPED: Text("Cards on the way", "{name} sent you cards."),
        Kind.TRADE_CONFIRMED: Text("Swap confirmed", "{name} confirmed the swap."),
        Kind.TRADE_COMPLETED: Text("Swap completed", "Everyone confirmed. Enjoy your new cards!"),
        Kind.INTEREST: Text("Interest in your post", "{name} is interested in your post."),
        Kind.INTEREST_ACCEPTED: Text("Interest accepted", "{name} accepted your interest. You can chat now."),
        Kind.INTEREST_REJECTED: Text("Interest declined", "{name} declined your interest."),
        Kind.RATING: Text("New rating", "{name} rated you."),
        Kind.MATCH_SUGGESTED: Text("A match for you", "We found a swap that might suit you."),
        Kind.REPORT_RESOLVED: Text("Report closed", "A moderator dealt with your report."),
        Kind.MODERATION_WARNING: Text("Warning", "A moderator sent you a warning."),
        Kind.MODERATION_REMOVAL: Text("Content removed", "A moderator removed something you published."),
        Kind.MODERATION_SUSPENSION: Text("Account suspended", "Your account has been suspended."),
        Kind.APPEAL_DECIDED: Text("Appeal decided", "A moderator decided on your appeal."),
    },
    Language.KOREAN: {
        Kind.FRIEND_REQUEST: Text("친구 요청", "{name} 친구가 되고 싶어 해요."),
        Kind.FRIEND_ACCEPTED: Text("친구가 되었어요", "{name} 친구 요청을 수락했어요."),
        Kind.MESSAGE_REQUEST: Text("메시지 요청", "{name} 대화를 요청했어요."),
        Kind.MESSAGE_REQUEST_ACCEPTED: Text("요청 수락", "{name} 메시지 요청을 수락했어요."),
        Kind.CHAT_MESSAGE: Text("새 메시지", "{name} 메시지를 보냈어요."),
        Kind.TRADE_PROPOSAL: Text("교환 제안", "{name} 교환을 제안했어요."),
        Kind.TRADE_ACCEPTED: Text("교환 수락", "{name} 교환을 수락했어요."),
        Kind.TRADE_REJECTED: Text("교환 거절", "{name} 교환을 거절했어요."),
        Kind.TRADE_CANCELED: Text("교환 취소", "진행 중이던 교환이 취소되었어요."),
        Kind.TRADE_SHIPPED: Text("카드 발송", "{name} 카드를 보냈어요."),
        Kind.TRADE_CONFIRMED: Text("교환 확인", "{name} 교환을 확인했어요."),
        Kind.TRADE_COMPLETED: Text("교환 완료", "모두 확인했어요. 새 카드를 즐겨 보세요!"),
        Kind.INTEREST: Text("게시글에 관심", "{name} 회원님의 게시글에 관심을 보였어요."),
        Kind.INTEREST_ACCEPTED: Text("관심 수락", "{name} 관심을 수락했어요. 이제 대화할 수 있어요."),
        Kind.INTEREST_REJECTED: Text("관심 거절", "{name} 관심을 거절했어요."),
        Kind.RATING: Text("새 평가", "{name} 회원님을 평가했어요."),
        Kind.MATCH_SUGGESTED: Text("추천 교환", "잘 맞을 것 같은 교환을 찾았어요."),
        Kind.REPORT_RESOLVED: Text("신고 처리 완료", "보내 주신 신고가 처리되었어요."),
        Kind.MODERATION_WARNING: Text("경고", "운영진이 경고를 보냈어요."),
        Kind.MODERATION_REMOVAL: Text("콘텐츠 삭제", "회원님이 올린 콘텐츠가 운영진에 의해 삭제되었어요."),
        Kind.MODERATION_SUSPENSION: Text("계정 정지", "회원님의 계정이 정지되었어요."),
        Kind.APPEAL_DECIDED: Text("이의 신청 결과", "이의 신청에 대한 결정이 나왔어요."),
    },
    Language.CHINESE: {
        Kind.FRIEND_REQUEST: Text("好友邀請", "{name}想加你為好友。"),
        Kind.FRIEND_ACCEPTED: Text("你們成為好友了", "{name}接受了你的好友邀請。"),
        Kind.MESSAGE_REQUEST: Text("訊息請求", "{name}想傳訊息給你。"),
        Kind.MESSAGE_REQUEST_ACCEPTED: Text("請求已接受", "{name}接受了你的訊息請求。"),
        Kind.CHAT_MESSAGE: Text("新訊息", "{name}傳了訊息給你。"),
        Kind.TRADE_PROPOSAL: Text("換卡提議", "{name}向你提出換卡。"),
        Kind.TRADE_ACCEPTED: Text("換卡已接受", "{name}接受了換卡。"),
        Kind.TRADE_REJECTED: Text("換卡已婉拒", "{name}婉拒了換卡。"),
        Kind.TRADE_CANCELED: Text("換卡已取消", "你的一筆換卡已取消。"),
        Kind.TRADE_SHIPPED: Text("卡片已寄出", "{name}寄出了給你的卡片。"),
        Kind.TRADE_CONFIRMED: Text("換卡已確認", "{name}確認了換卡。"),
        Kind.TRADE_COMPLETED: Text("換卡完成", "所有人都確認了，好好享受新卡片吧！"),
        Kind.INTEREST: Text("有人對貼文感興趣", "{name}對你的貼文感興趣。"),
        Kind.INTEREST_ACCEPTED: Text("對方接受了", "{name}接受了你的意願，現在可以聊天了。"),
        Kind.INTEREST_REJECTED: Text("對方婉拒了", "{name}婉拒了你的意願。"),
        Kind.RATING: Text("新評價", "{name}給了你評價。"),
        Kind.MATCH_SUGGESTED: Text("換卡配對", "我們找到了可能適合你的換卡。"),
        Kind.REPORT_RESOLVED: Text("檢舉已處理", "你的檢舉已由管理員處理。"),
        Kind.MODERATION_WARNING: Text("警告", "管理員向你發出警告。"),
        Kind.MODERATION_REMOVAL: Text("內容已移除", "你發布的內容已被管理員移除。"),
        Kind.MODERATION_SUSPENSION: Text("帳號已停權", "你的帳號已被停權。"),
        Kind.APPEAL_DECIDED: Text("申訴結果", "你的申訴已有結果。"),
    },
    Language.JAPANESE: {
        Kind.FRIEND_REQUEST: Text("フレンド申請", "{name}フレンドになりたがっています。"),
        Kind.FRIEND_ACCEPTED: Text("フレンドになりました", "{name}フレンド申請を承認しました。"),
        Kind.MESSAGE_REQUEST: Text("メッセージリクエスト", "{name}メッセージを送りたがっています。"),
        Kind.MESSAGE_REQUEST_ACCEPTED: Text("リクエスト承認", "{name}メッセージリクエストを承認しました。"),
        Kind.CHAT_MESSAGE: Text("新着メッセージ", "{name}メッセージを送りました。"),
        Kind.TRADE_PROPOSAL: Text("交換の提案", "{name}交換を提案しました。"),
        Kind.TRADE_ACCEPTED: Text("交換の承認", "{name}交換を承認しました。"),
        Kind.TRADE_REJECTED: Text("交換のお断り", "{name}交換を断りました。"),
        Kind.TRADE_CANCELED: Text("交換のキャンセル", "交換がキャンセルされました。"),
        Kind.TRADE_SHIPPED: Text("カードの発送", "{name}カードを発送しました。"),
        Kind.TRADE_CONFIRMED: Text("交換の確認", "{name}交換を確認しました。"),
        Kind.TRADE_COMPLETED: Text("交換成立", "全員が確認しました。新しいカードをお楽しみください！"),
        Kind.INTEREST: Text("投稿への興味", "{name}あなたの投稿に興味を示しました。"),
        Kind.INTEREST_ACCEPTED: Text("興味が承認されました", "{name}承認しました。チャットを始められます。"),
        Kind.INTEREST_REJECTED: Text("興味が断られました", "{name}今回は見送りました。"),
        Kind.RATING: Text("新しい評価", "{name}あなたを評価しました。"),
        Kind.MATCH_SUGGESTED: Text("おすすめの交換", "あなたに合いそうな交換が見つかりました。"),
        Kind.REPORT_RESOLVED: Text("通報への対応", "通報への対応が完了しました。"),
        Kind.MODERATION_WARNING: Text("警告", "運営から警告が届きました。"),
        Kind.MODERATION_REMOVAL: Text("コンテンツの削除", "投稿した内容が運営により削除されました。"),
        Kind.MODERATION_SUSPENSION: Text("アカウントの停止", "アカウントが停止されました。"),
        Kind.APPEAL_DECIDED: Text("異議申し立ての結果", "異議申し立ての結果が出ました。"),
    },
}


def language_of(preference: Any) -> Language:
    """Return the language for ``preferences.language``: that of the same family, else English."""
    if not isinstance(preference, str):
        return Language.ENGLISH
    family = preference.replace("_", "-").casefold().split("-")[0]
    same = (language for language in Language if language.split("-")[0] == family)
    return next(same, Language.ENGLISH)


def text_of(type: Kind, language: Language, *, name: str | None) -> Text:
    """Return what a push of this type says; ``name`` is the nickname of whose doing it is, if any."""
    subject = SUBJECTS[language]
    # A name is one line here, whatever white space its owner put into it.
    words = (name or "").split()
    who = subject.named.format(name=" ".join(words)) if words else subject.nameless
    title, body = TEXTS[language][type]
    return Text(title, body.format(name=who))
