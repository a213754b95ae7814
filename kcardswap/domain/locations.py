"""The cities and counties people swap in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class City:
    """A city or county of Taiwan; ``code`` is what clients send and rows store."""

    code: str
    name: str
    name_zh: str


CITIES = (
    City("TPE", "Taipei City", "臺北市"),
    City("NTP", "New Taipei City", "新北市"),
    City("TAO", "Taoyuan City", "桃園市"),
    City("TXG", "Taichung City", "臺中市"),
    City("TNN", "Tainan City", "臺南市"),
    City("KHH", "Kaohsiung City", "高雄市"),
    City("KEE", "Keelung City", "基隆市"),
    City("HSZ", "Hsinchu City", "新竹市"),
    City("CYI", "Chiayi City", "嘉義市"),
    City("HSQ", "Hsinchu County", "新竹縣"),
    City("MIA", "Miaoli County", "苗栗縣"),
    City("CHA", "Changhua County", "彰化縣"),
    City("NAN", "Nantou County", "南投縣"),
    City("YUN", "Yunlin County", "雲林縣"),
    City("CYQ", "Chiayi County", "嘉義縣"),
    City("PIF", "Pingtung County", "屏東縣"),
    City("ILA", "Yilan County", "宜蘭縣"),
    City("HUA", "Hualien County", "花蓮縣"),
    City("TTT", "Taitung County", "臺東縣"),
    City("PEN", "Penghu County", "澎湖縣"),
    City("KIN", "Kinmen County", "金門縣"),
    City("LIE", "Lienchiang County", "連江縣"),
)
"""All 22 in the order clients show them: special municipalities, other cities, counties, outer islands."""
