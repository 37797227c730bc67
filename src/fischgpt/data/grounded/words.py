"""The open vocabulary of made-up owners: names of many cultures, places, things, and words that nobody ever wrote.

Lists are only seeds. About a third of all names are put together from syllables (`coined`), so that a model
cannot learn the names themselves and has to copy them from the passage. `HELD_*` lists stay out of training:
they measure whether reading carries over to names and places never seen.
"""

from __future__ import annotations

from random import Random

# culture: women | men | surnames. Common first names and surnames, combined at random: no real person is meant.
_CULTURES = """
Yoruba: Folake Temitope Bisi Abeni Yetunde Morenike | Babatunde Kayode Olumide Segun Dele Tunde | Adeyemi Ogunleye Balogun Afolabi Akande Oyelaran
Igbo: Ngozi Chioma Ifeoma Adaeze Nkechi Obioma | Emeka Chidi Obinna Uche Ikenna Nnamdi | Okafor Nwosu Eze Okonkwo Anyanwu Mbah
Akan: Akosua Abena Efua Afia Esi Adwoa | Kwame Kofi Yaw Kwabena Kojo Ekow | Mensah Boateng Owusu Asante Appiah Osei
Swahili: Zawadi Neema Rehema Subira Amina Halima | Juma Baraka Rashidi Hamisi Salim Daudi | Mwangi Kamau Otieno Wanjala Kiprono Mwakasege
Amharic: Tsehay Almaz Hirut Makeda Selam Meseret | Tadesse Bekele Dawit Yonas Girma Abebe | Tessema Wolde Alemu Desta Gebre Mekonnen
Arabic: Layla Samira Noor Huda Rania Salma | Karim Yusuf Tariq Omar Hassan Faisal | Haddad Mansour Khoury Nasser Aziz Rahman
Persian: Shirin Parisa Nasrin Mina Roya Azar | Dariush Farhad Kaveh Babak Siavash Reza | Rostami Ahmadi Tehrani Moradi Karimi Sohrabi
Turkish: Elif Zeynep Aylin Defne Sevgi Nuray | Mehmet Emre Cem Orhan Selim Kerem | Yilmaz Kaya Demir Aksoy Ozturk Polat
Hindi: Priya Ananya Kavita Meera Sunita Lakshmi | Arjun Rohan Vikram Suresh Anil Rajiv | Sharma Verma Gupta Joshi Mishra Kulkarni
Tamil: Malathi Revathi Kamala Nithya Selvi Vasuki | Murugan Senthil Karthik Ravi Bala Kannan | Subramanian Natarajan Pillai Iyer Rajan Velu
Bengali: Ruma Sharmila Tanima Moushumi Rupa Ila | Amit Debashish Partha Sourav Tapan Ranjit | Chatterjee Banerjee Dutta Ghosh Sarkar Mukherjee
Chinese: Mei Xiulan Lihua Yuting Jing Fang | Wei Jun Guoqiang Ming Haoran Lei | Zhang Chen Liu Huang Zhao Lin
Japanese: Haruko Yumi Sakura Keiko Michiko Aiko | Kenji Hiroshi Takeshi Satoru Daichi Shinji | Tanaka Suzuki Watanabe Kobayashi Ishikawa Mori
Korean: Soyeon Minji Hyejin Jiwoo Eunji Yuna | Jinho Sungmin Dongwook Hyun Taeyang Minho | Kim Park Choi Jung Kang Seo
Vietnamese: Linh Huong Thuy Mai Lan Hoa | Minh Tuan Duc Quang Hieu Bao | Nguyen Tran Pham Vo Dang Bui
Indonesian: Dewi Siti Ratna Wulan Indah Kartika | Budi Agus Bambang Joko Hendra Wahyu | Santoso Wijaya Hartono Susanto Prasetyo Gunawan
Filipino: Maricel Liwayway Tala Ligaya Luz Corazon | Rodel Crisanto Danilo Efren Arnel Isagani | Magbanua Dimaculangan Salonga Bautista Macaraeg Panganiban
Maori: Aroha Hinemoa Ngaire Mereana Kiri Marama | Wiremu Tane Hemi Rangi Tama Nikau | Parata Ngata Walker Tipene Rewiti Waititi
Spanish: Lucia Carmen Pilar Beatriz Ines Marisol | Javier Alejandro Diego Rafael Hernan Esteban | Ortega Navarro Delgado Cabrera Fuentes Montoya
Portuguese: Joana Beatriz Leonor Mariana Catarina Teresa | Duarte Joaquim Tiago Miguel Afonso Vasco | Pereira Carvalho Teixeira Moreira Figueiredo Barbosa
Italian: Giulia Chiara Francesca Rosalia Ornella Bianca | Lorenzo Matteo Giorgio Paolo Enzo Fabrizio | Rinaldi Moretti Galli Ferrara Bellini Conti
French: Camille Odile Margaux Solange Colette Amelie | Mathieu Etienne Gilles Thierry Lucien Bastien | Lefevre Moreau Girard Bonnet Chevalier Dumas
German: Anneliese Gudrun Heike Lotte Sabine Ursula | Matthias Jürgen Wolfgang Dieter Lukas Ulrich | Brandt Vogel Krause Lindner Hartmann Seidel
Dutch: Marijke Saskia Anouk Femke Liesbeth Hanneke | Pieter Joost Willem Bram Sander Maarten | van Dijk de Boer Visser Hoekstra Mulder Kuipers
Polish: Zofia Agnieszka Jadwiga Halina Kinga Bozena | Tomasz Jacek Zbigniew Marek Wojciech Piotr | Kowalski Nowak Wojcik Zielinski Lewandowski Mazur
Russian: Tatiana Ludmila Oksana Galina Svetlana Darya | Sergei Dmitri Boris Nikita Oleg Vadim | Volkov Sokolov Lebedev Morozov Kuznetsov Orlov
Greek: Eleni Katerina Despina Sofia Ioanna Dimitra | Nikos Yannis Stavros Petros Kostas Spyros | Papadakis Nikolaidis Georgiou Vlahos Karras Economou
English: Harriet Eleanor Margaret Beatrice Dorothy Imogen | Oliver George Edmund Walter Hugh Arthur | Ashworth Pemberton Whitfield Cartwright Holloway Thornton
Scottish: Ailsa Fiona Morag Eilidh Catriona Isla | Callum Hamish Angus Ewan Lachlan Rory | MacLeod Campbell Drummond Sinclair Buchanan Galbraith
American: Madison Loretta Denise Wanda Shelby Carol | Tyler Dwayne Curtis Randall Wesley Marcus | Jefferson Caldwell Hutchins Bradshaw Sutton Mercer
"""
_HELD_CULTURES = """
Finnish: Aino Kaisa Riikka Tuuli Helmi Sanna | Jukka Antti Eero Ilmari Pekka Tapio | Korhonen Virtanen Makinen Nieminen Laaksonen Heikkila
Hungarian: Ilona Zsofia Katalin Piroska Reka Emese | Laszlo Gabor Istvan Zoltan Bela Ferenc | Kovacs Szabo Horvath Nemeth Farkas Balint
Welsh: Angharad Cerys Rhiannon Bronwen Nerys Carys | Gethin Owain Rhodri Iestyn Emrys Gwilym | Llewellyn Prosser Bevan Gwynne Pritchard Cadwallader
Hawaiian: Leilani Kalea Noelani Mahina Pualani Iolana | Keoni Kimo Makoa Ikaika Nalu Kaleo | Kealoha Kahale Akana Kamaka Mahoe Palakiko
Armenian: Anahit Lusine Nare Siranush Gayane Tatevik | Hovhannes Tigran Vahan Aram Levon Gevorg | Petrosyan Hakobyan Sargsyan Grigoryan Avetisyan Danielyan
"""

CITIES = ["Accra", "Lagos", "Ibadan", "Kumasi", "Nairobi", "Mombasa", "Addis-Ababa", "Cairo", "Tunis", "Fez", "Beirut", "Aleppo", "Shiraz", "Isfahan", "Izmir", "Ankara", "Pune", "Jaipur", "Madurai", "Chennai", "Dhaka", "Kolkata", "Nanjing", "Chengdu", "Hangzhou", "Kyoto", "Osaka", "Sapporo", "Busan", "Daegu", "Hanoi", "Hue", "Bandung", "Surabaya", "Cebu", "Manila", "Wellington", "Dunedin", "Perth", "Hobart", "Lima", "Cusco", "Quito", "Bogota", "Medellin", "Rosario", "Cordoba", "Santiago", "Montevideo", "Recife", "Salvador", "Porto", "Lisbon", "Seville", "Bilbao", "Valencia", "Genoa", "Bologna", "Palermo", "Trieste", "Lyon", "Marseille", "Nantes", "Ghent", "Antwerp", "Utrecht", "Leiden", "Rotterdam", "Bremen", "Leipzig", "Dresden", "Cologne", "Graz", "Vienna", "Zurich", "Basel", "Geneva", "Krakow", "Gdansk", "Lodz", "Prague", "Brno", "Riga", "Vilnius", "Tallinn", "Odessa", "Kazan", "Patras", "Thessaloniki", "Bath", "Leeds", "Bristol", "Sheffield", "Norwich", "Glasgow", "Dundee", "Belfast", "Cork", "Galway", "Boston", "Baltimore", "Cleveland", "Detroit", "Denver", "Portland", "Seattle", "Austin", "Memphis", "Toronto", "Halifax", "Montreal", "Winnipeg", "Havana", "Kingston", "Oslo", "Bergen", "Aarhus", "Malmo", "Uppsala"]
HELD_CITIES = ["Turku", "Tampere", "Oulu", "Debrecen", "Pecs", "Szeged", "Swansea", "Bangor", "Aberystwyth", "Hilo", "Lahaina", "Yerevan", "Gyumri", "Tbilisi", "Batumi", "Windhoek", "Gaborone", "Maputo", "Antananarivo", "Ulaanbaatar", "Tashkent", "Samarkand", "Kathmandu", "Colombo", "Kandy", "Darwin", "Cairns", "Reykjavik", "Akureyri", "Nuuk", "Tromso", "Bratislava", "Ljubljana", "Zagreb", "Split", "Skopje", "Plovdiv", "Cluj", "Iasi"]

LANGUAGES = ["English", "French", "German", "Spanish", "Portuguese", "Italian", "Dutch", "Swedish", "Danish", "Polish", "Czech", "Russian", "Ukrainian", "Greek", "Turkish", "Arabic", "Hebrew", "Persian", "Hindi", "Bengali", "Tamil", "Urdu", "Mandarin", "Cantonese", "Japanese", "Korean", "Vietnamese", "Thai", "Malay", "Swahili", "Yoruba", "Hausa", "Amharic", "Zulu", "Latin", "Catalan", "Basque", "Irish", "Norwegian", "Romanian"]
HELD_LANGUAGES = ["Finnish", "Hungarian", "Welsh", "Hawaiian", "Armenian", "Georgian", "Estonian", "Icelandic", "Maltese", "Quechua", "Nepali", "Sinhala", "Slovak", "Croatian", "Bulgarian"]
FLUENCY = ["Native speaker", "Fluent", "Conversational", "Basic", "Working proficiency", "Mother tongue", "Intermediate", "Reading only", "Professional working proficiency", "Elementary", "Advanced", "Good", "Beginner", "Bilingual"]

HOBBIES = """chess; beekeeping; long-distance running; choral singing; birdwatching; bread baking; sea kayaking; calligraphy; rock climbing;
astronomy; gardening; pottery; fencing; knitting; model railways; jazz piano; mountain hiking; amateur radio; woodcarving; badminton; sailing;
cooking; crossword puzzles; tango; photography; stamp collecting; table tennis; folk dance; mushroom hunting; violin; karate; cycling; swimming;
film history; board games; origami; horse riding; fishing; genealogy; poetry; skiing; juggling; rowing; opera; rugby; kite flying; painting;
cricket; archery; bonsai; tea ceremony; detective novels; weightlifting; drumming; snorkelling; volleyball; old maps; antique clocks"""
HELD_HOBBIES = """curling; lacemaking; orienteering; bell ringing; falconry; caving; ice fishing; surfing; whittling; backgammon; bookbinding;
accordion; trampolining; quilting; geocaching; stargazing; parkour; ukulele"""

_ONSETS = ["b", "br", "c", "ch", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "kl", "kr", "l", "m", "n", "p", "pl", "pr", "q", "qu", "r", "s", "sh", "sk", "sl", "st", "t", "th", "tr", "v", "w", "x", "y", "z", "zh"]
_VOWELS = ["a", "e", "i", "o", "u", "ae", "ai", "ea", "ee", "ia", "io", "oa", "oo", "ou", "ui", "y"]
_CODAS = ["", "", "", "n", "r", "l", "s", "x", "m", "k", "th", "nd", "rn", "lt", "ck", "ss", "z", "d", "v"]


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.replace("\n", " ").split(";")]


def _cultures(text: str) -> list[tuple[list[str], list[str], list[str]]]:
    rows = []
    for line in text.strip().splitlines():
        women, men, surnames = (part.split() for part in line.split(":", 1)[1].split("|"))
        joined: list[str] = []
        for word in surnames:  # "van Dijk" and "de Boer" are one surname each
            joined[-1:] = [f"{joined[-1]} {word}"] if joined and joined[-1] in ("van", "de") else [*joined[-1:], word]
        rows.append((women, men, joined))
    return rows


CULTURES, HELD_CULTURES = _cultures(_CULTURES), _cultures(_HELD_CULTURES)
HOBBY_LIST, HELD_HOBBY_LIST = _split(HOBBIES), _split(HELD_HOBBIES)


def coined(rng: Random, syllables: int | None = None) -> str:
    """A word that nobody ever wrote, capitalised: `Vethoun`, `Kliaz`. One to three syllables."""
    n = syllables or rng.choice((2, 2, 2, 3))
    choice = rng.choice
    word = "".join([choice(_ONSETS) + choice(_VOWELS) for _ in range(n)]) + choice(_CODAS)
    return word.capitalize()


def code(rng: Random) -> str:
    """A designation such as `KR-482`, `Mk 7` or `T5x`: letters and digits that only copying gets right."""
    a, b = rng.choice("ABCDEFGHKLMNPRSTVWXZ"), rng.choice("ABCDEFGHKLMNPRSTVWXZ")
    n = rng.randrange(2, 990)
    return rng.choice(
        (f"{a}{b}-{n}", f"{a}-{n}", f"{a}{n}", f"Mk {n % 12 + 1}", f"{a}{b}{n}", f"No. {n}", f"v{n % 9 + 1}")
    )


class Lists:
    """What one split may draw from: training lists, or lists that training never sees."""

    def __init__(self, held_out: bool) -> None:
        self.cultures = HELD_CULTURES if held_out else CULTURES
        self.cities = [c.replace("-", " ") for c in (HELD_CITIES if held_out else CITIES)]
        self.languages = HELD_LANGUAGES if held_out else LANGUAGES
        self.hobbies = HELD_HOBBY_LIST if held_out else HOBBY_LIST

    def person(self, rng: Random) -> tuple[str, str, str]:
        """First name, surname, pronoun (`she`, `he` or, now and then, `they`)."""
        women, men, surnames = rng.choice(self.cultures)
        female = rng.random() < 0.5
        first = rng.choice(women if female else men) if rng.random() < 0.75 else coined(rng)
        last = rng.choice(surnames) if rng.random() < 0.6 else coined(rng)
        return first, last, "they" if rng.random() < 0.06 else ("she" if female else "he")

    def place(self, rng: Random) -> str:
        return rng.choice(self.cities) if rng.random() < 0.7 else coined(rng)

    def proper(self, rng: Random) -> str:
        """The proper part of an organisation's or a thing's name."""
        roll = rng.random()
        if roll < 0.5:
            return coined(rng)
        return rng.choice(rng.choice(self.cultures)[2]) if roll < 0.8 else rng.choice(self.cities)
