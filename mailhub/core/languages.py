"""What the mailboxes of a new account are called in its owner's language.

A table and its look-up. Clients find these mailboxes by their special use (RFC 6154), so a name
is only what people read; it is chosen once, when the account is made.
"""

from __future__ import annotations

from collections.abc import Mapping

SENT, TRASH, DRAFTS, JUNK, ARCHIVE = "\\Sent", "\\Trash", "\\Drafts", "\\Junk", "\\Archive"
USES = (DRAFTS, SENT, TRASH, JUNK, ARCHIVE)
"""Special uses of the mailboxes that an account starts with, in the order in which they are
made."""
_ORDER = (SENT, TRASH, DRAFTS, JUNK, ARCHIVE)
"""The columns of the table."""
PLAIN = ("Sent", "Trash", "Drafts", "Junk", "Archive")
"""For accounts that name no language."""
_ENGLISH = ("Sent Mail", "Trash", "Drafts", "Junk", "Archive")
_NAMES: Mapping[str, tuple[str, str, str, str, str]] = {
    "af": ("Gestuur", "Asblik", "Konsepte", "Gemorspos", "Argief"),
    "ar": ("المرسل", "المهملات", "المسودات", "البريد المزعج", "الأرشيف"),
    "az": ("Göndərilənlər", "Zibil qutusu", "Qaralamalar", "Spam", "Arxiv"),
    "be": ("Адпраўленыя", "Сметніца", "Чарнавікі", "Спам", "Архіў"),
    "bg": ("Изпратени", "Кошче", "Чернови", "Нежелана поща", "Архив"),
    "bn": ("পাঠানো", "ট্র্যাশ", "খসড়া", "স্প্যাম", "সংরক্ষণাগার"),
    "bs": ("Poslano", "Smeće", "Nacrti", "Neželjena pošta", "Arhiva"),
    "ca": ("Enviats", "Paperera", "Esborranys", "Correu brossa", "Arxiu"),
    "cs": ("Odeslaná pošta", "Koš", "Koncepty", "Nevyžádaná pošta", "Archiv"),
    "cy": ("Anfonwyd", "Sbwriel", "Drafftiau", "Sothach", "Archif"),
    "da": ("Sendt", "Papirkurv", "Kladder", "Uønsket post", "Arkiv"),
    "de": ("Gesendet", "Gelöscht", "Entwürfe", "Spam", "Archiv"),
    "el": ("Απεσταλμένα", "Κάδος", "Πρόχειρα", "Ανεπιθύμητα", "Αρχείο"),
    "en": _ENGLISH,
    "eo": ("Senditaj", "Rubujo", "Malnetoj", "Trudmesaĝoj", "Arkivo"),
    "es": ("Enviados", "Papelera", "Borradores", "Correo no deseado", "Archivo"),
    "et": ("Saadetud kirjad", "Prügikast", "Mustandid", "Rämpspost", "Arhiiv"),
    "eu": ("Bidalitakoak", "Zakarrontzia", "Zirriborroak", "Zabor-posta", "Artxiboa"),
    "fa": ("ارسال‌شده", "زباله‌دان", "پیش‌نویس‌ها", "هرزنامه", "بایگانی"),
    "fi": ("Lähetetyt", "Roskakori", "Luonnokset", "Roskaposti", "Arkisto"),
    "fil": ("Naipadala", "Basurahan", "Mga Draft", "Spam", "Arkibo"),
    "fr": ("Envoyés", "Corbeille", "Brouillons", "Indésirables", "Archives"),
    "ga": ("Seolta", "Bruscar", "Dréachtaí", "Dramhphost", "Cartlann"),
    "gl": ("Enviados", "Lixo", "Borradores", "Correo lixo", "Arquivo"),
    "gu": ("મોકલેલા", "ટ્રૅશ", "ડ્રાફ્ટ", "સ્પામ", "આર્કાઇવ"),
    "he": ("נשלח", "אשפה", "טיוטות", "דואר זבל", "ארכיון"),
    "hi": ("भेजे गए", "रद्दी", "ड्राफ़्ट", "स्पैम", "संग्रह"),
    "hr": ("Poslano", "Smeće", "Skice", "Neželjena pošta", "Arhiva"),
    "hu": ("Elküldött", "Kuka", "Piszkozatok", "Levélszemét", "Archívum"),
    "hy": ("Ուղարկված", "Աղբաման", "Սևագրեր", "Սպամ", "Արխիվ"),
    "id": ("Terkirim", "Sampah", "Draf", "Spam", "Arsip"),
    "is": ("Sendur póstur", "Rusl", "Drög", "Ruslpóstur", "Safn"),
    "it": ("Posta inviata", "Cestino", "Bozze", "Posta indesiderata", "Archivio"),
    "ja": ("送信済み", "ゴミ箱", "下書き", "迷惑メール", "アーカイブ"),
    "ka": ("გაგზავნილი", "სანაგვე", "მონახაზები", "სპამი", "არქივი"),
    "kk": ("Жіберілген", "Себет", "Нобайлар", "Спам", "Мұрағат"),
    "ko": ("보낸 편지함", "휴지통", "임시 보관함", "스팸", "보관함"),
    "lb": ("Geschéckt", "Dreckskëscht", "Entwërf", "Spam", "Archiv"),
    "lt": ("Išsiųsta", "Šiukšlinė", "Juodraščiai", "Brukalas", "Archyvas"),
    "lv": ("Nosūtītie", "Atkritne", "Melnraksti", "Mēstules", "Arhīvs"),
    "mk": ("Испратени", "Корпа", "Нацрти", "Несакана пошта", "Архива"),
    "mn": ("Илгээсэн", "Хогийн сав", "Ноорог", "Спам", "Архив"),
    "mr": ("पाठवलेले", "कचरा", "मसुदे", "स्पॅम", "संग्रह"),
    "ms": ("Dihantar", "Sampah", "Draf", "Spam", "Arkib"),
    "nb": ("Sendt", "Papirkurv", "Utkast", "Søppelpost", "Arkiv"),
    "nl": ("Verzonden", "Prullenbak", "Concepten", "Ongewenst", "Archief"),
    "nn": ("Sendt", "Papirkorg", "Utkast", "Søppelpost", "Arkiv"),
    "pl": ("Wysłane", "Kosz", "Szkice", "Spam", "Archiwum"),
    "pt": ("Enviados", "Lixeira", "Rascunhos", "Spam", "Arquivo"),
    "pt-pt": ("Enviados", "Lixo", "Rascunhos", "Spam", "Arquivo"),
    "ro": ("Trimise", "Coș de gunoi", "Ciorne", "Spam", "Arhivă"),
    "ru": ("Отправленные", "Корзина", "Черновики", "Спам", "Архив"),
    "sk": ("Odoslaná pošta", "Kôš", "Koncepty", "Nevyžiadaná pošta", "Archív"),
    "sl": ("Poslano", "Smeti", "Osnutki", "Neželena pošta", "Arhiv"),
    "sq": ("Të dërguarat", "Kosh", "Skica", "Të padëshiruara", "Arkiv"),
    "sr": ("Послато", "Смеће", "Нацрти", "Нежељена пошта", "Архива"),
    "sv": ("Skickat", "Papperskorg", "Utkast", "Skräppost", "Arkiv"),
    "sw": ("Zilizotumwa", "Taka", "Rasimu", "Barua taka", "Kumbukumbu"),
    "ta": ("அனுப்பியவை", "குப்பை", "வரைவுகள்", "எரிதம்", "காப்பகம்"),
    "te": ("పంపినవి", "చెత్త", "చిత్తుప్రతులు", "స్పామ్", "ఆర్కైవ్"),
    "th": ("ส่งแล้ว", "ถังขยะ", "แบบร่าง", "อีเมลขยะ", "คลังเก็บ"),
    "tr": ("Gönderilmiş", "Çöp Kutusu", "Taslaklar", "İstenmeyen", "Arşiv"),
    "uk": ("Надіслані", "Кошик", "Чернетки", "Спам", "Архів"),
    "ur": ("بھیجے گئے", "ردی", "مسودے", "اسپام", "محفوظ"),
    "uz": ("Yuborilgan", "Savat", "Qoralamalar", "Spam", "Arxiv"),
    "vi": ("Đã gửi", "Thùng rác", "Thư nháp", "Thư rác", "Lưu trữ"),
    "zh": ("已发送", "已删除", "草稿箱", "垃圾邮件", "归档"),
    "zh-hant": ("寄件備份", "垃圾桶", "草稿", "垃圾郵件", "封存"),
}
_ALSO = {
    "no": "nb",
    "tl": "fil",
    "iw": "he",
    "in": "id",
    "sh": "sr",
    "zh-tw": "zh-hant",
    "zh-hk": "zh-hant",
    "zh-mo": "zh-hant",
}
"""Other codes of the same languages: old ones, and regions that write another script."""


def known() -> tuple[str, ...]:
    """The codes in the table."""
    return tuple(_NAMES)


def names(language: str) -> Mapping[str, str]:
    """Mailbox names by special use. `language`: a tag such as `et`, `pt_BR` or `zh-Hant-TW` (RFC
    5646, or with `_`), of which the longest part that is known counts; an unknown one gives
    English names, an empty one the plain ones."""
    return dict(zip(_ORDER, _row(language), strict=True))


def _row(language: str) -> tuple[str, str, str, str, str]:
    if not language:
        return PLAIN
    parts = language.lower().replace("_", "-").split("-")
    for count in range(len(parts), 0, -1):
        tag = "-".join(parts[:count])
        found = _NAMES.get(_ALSO.get(tag, tag))
        if found is not None:
            return found
    return _ENGLISH
