import pytest

from linkage_core.standardise.names import standardise_family_name, standardise_given_name
from linkage_core.standardise.nicknames import NICKNAMES, entries, root_of
from linkage_core.standardise.skeleton import WADE_GILES, skeleton
from linkage_core.standardise.variables import parts_of


def skeleton_of(name: str) -> str:
    [part] = parts_of("skeleton")(standardise_family_name(name)[0])
    return part


@pytest.mark.parametrize(
    "romanisations",
    [
        # Cyrillic: native, BGN/PCGN or ICAO, German, ISO 9 or scholarly without marks, French
        "Щербаков Shcherbakov Schtscherbakow Ščerbakov Scerbakov Chtcherbakov Scherbakov",
        "Юлия Yuliya Iuliia Julija Julia Yulia",
        "Хрущёв Khrushchev Hrushchev Chruschtschow",
        "Жуков Zhukov Žukov Zukov",
        "Кузнецов Kuznetsov Kuznecov Kusnetsov",
        "Цветков Tsvetkov Cvetkov Tzvetkov",
        "Чернышевский Chernyshevskii Chernyshevsky Tschernyschewski Černyševskij Cernysevskij",
        "Алексей Aleksei Alexey Aleksej Alexei Aleksiej",
        "Александр Aleksandr Alexander Alexandr Aleksander",
        "Михаил Mikhail Mihail",
        "Евгений Evgenii Yevgeniy Evgeny Jewgeni Eugene",
        "Гриценко Hrytsenko Gritsenko Hrycenko",
        "Попов Popov Popoff Popow",
        "Крстић Krstić Krstic Krstich",
        "Ковачевић Kovačević Kovacevic Kovachevich",
        # Georgian: native, national 2002, older and German, ISO 9984
        "ჭავჭავაძე Chavchavadze Tschawtschawadse Ch'avch'avadze",
        "ჯავახიშვილი Javakhishvili Dzhavakhishvili",
        "ხვიჩა Khvicha Hvicha Xvicha",
        "ყიფიანი Qipiani Kipiani Q'ipiani",
        "ღვინიაშვილი Ghviniashvili Gviniashvili",
        "თამარ Tamar Thamar",
        "თამაზ Tamaz Tamas",
        "წერეთელი Tsereteli Ts'ereteli Cereteli",
        # Arabic: French, English and transliterated spellings
        "محمد Muhammad Mohamed Mohammad Mohammed Mouhamed Muḥammad",
        "Abdurrahman Abdelrahman Abderrahmane Abdulrahman Abdirahman",
        "Yusuf Youssef Yousef Yousuf Yūsuf",
        "حسين Hussein Husayn Hossein Ḥusayn",
        "خالد Khalid Khaled Haled Khālid",
        "Abdulaziz Abdelaziz",
        "Abdullah Abdallah Abdulla Abdoullah",
        "Fawzi Faouzi Fauzi Fawzī",
        "وليد Walid Waleed Oualid",
        "Fatima Fatimah Fātima Fatma",
        # Greek: ELOT 743 and what people use
        "Χρήστος Christos Hristos Khristos",
        "Evangelos Evaggelos Euangelos",
        "Παπαδόπουλος Papadopoulos Papadopulos",
        "Χατζηδάκης Chatzidakis Hatzidakis Hadjidakis",
        "Μπάμπης Mpampis Babis Bambis Bampis",
        "Γκίκας Gkikas Gikas Ghikas",
        "Αλέξανδρος Alexandros Aleksandros",
        "Χαράλαμπος Charalampos Haralambos Kharalampos",
        "Efstathios Evstathios Eustathios",
        "Ξένια Xenia Ksenia",
        "Panagiotis Panayiotis Panaiotis",
        # Chinese: Pinyin, Wade-Giles without apostrophes
        "张 張 Zhang Chang",
        "徐 Xu Hsu",
        "周 Zhou Chou Chow",
        "谢 Xie Hsieh",
        "蔡 Cai Tsai",
        "郭 Guo Kuo",
        "李 Li Lee",
        "薛 Xue Hsueh",
    ],
)
def test_romanisations_of_one_native_name_have_one_skeleton(romanisations: str) -> None:
    assert len({skeleton_of(name) for name in romanisations.split()}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ivanov", "Petrov"), ("Nino", "Anna"), ("Khalid", "Walid"), ("Tamar", "Dmitri"), ("Wang", "Zhang"),
        ("Papadopoulos", "Papadakis"), ("Hassan", "Hussam"), ("Chavchavadze", "Chikvadze"), ("Liu", "Li"),
        ("Stefan", "Stepan"), ("Yakov", "Yegor"), ("Giorgi", "Iorgi"),
    ],
)  # fmt: skip
def test_different_names_have_different_skeletons(one: str, other: str) -> None:
    assert skeleton_of(one) != skeleton_of(other)


def test_a_name_written_as_one_word_or_as_two_has_one_skeleton() -> None:
    assert skeleton_of("Xiao Ming") == skeleton_of("Xiaoming") == skeleton_of("Hsiao-ming")
    assert skeleton_of("Abd al-Rahman") == skeleton_of("Abdurrahman") == skeleton_of("Abdul Rahman")


def test_a_chinese_surname_keeps_its_vowels() -> None:
    assert skeleton_of("Zhao") == "chao"
    assert not {surname for surname in WADE_GILES.values() if skeleton(surname) != surname}


def test_sorted_skeletons_do_not_mind_swapped_names() -> None:
    form = parts_of("sorted-skeletons")
    assert sorted(form("yuliya shcherbakova")) == sorted(form("scherbakova julia"))


@pytest.mark.parametrize(
    ("variants", "root"),
    [
        ("Bill Billy Willie William", "william"),
        ("Sasha Саша Oleksandr Aleksandra Alexander", "aleksandr"),
        ("Dato Davit დათო", "davit"),
        ("Hans Johannes Johann", "johannes"),
        ("Gosia Małgorzata", "malgorzata"),
        ("Paco Francisco Pancho", "francisco"),
        ("Γιάννης Yannis Ioannis", "ioannis"),
        ("Mohamed Muhammad Mehmet", "muhammad"),
        ("Michael Mike Mick", "michal"),
        ("Zoltan", "zoltan"),
        ("Unlistedname", "unlistedname"),
    ],
)
def test_nicknames_have_the_root_of_the_full_name(variants: str, root: str) -> None:
    form = parts_of("nickname-root")
    assert {form(standardise_given_name(variant)[0]) for variant in variants.split()} == {(root,)}


def test_no_nickname_stands_for_two_names_and_no_root_is_a_nickname() -> None:
    listed = list(entries())
    roots = {root for _, root in listed}
    assert len({variant for variant, _ in listed}) == len(set(listed))
    assert [variant for variant, root in listed if variant in roots and variant != root] == []
    assert [variant for variant, root in listed if not variant or " " in variant + root] == []
    assert all(table == table.lower() for table in NICKNAMES.values())


def test_roots_and_skeletons_together_join_nicknames_of_every_romanisation() -> None:
    form = parts_of("root-skeleton")
    names = ["Саша", "Oleksandr", "Alexandre", "Aleksander Petrovich"]
    assert len({form(standardise_given_name(name)[0]) for name in names}) == 1
    assert root_of(root_of("misha")) == root_of("misha")


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        ("last-token", "silva santos", "santos"),
        ("longest-token", "silva santos", "santos"),
        ("longest-token", "sousa silva", "sousa"),
        ("sorted-date-digits", "1987-05-12", "17890125"),
        ("sorted-date-digits", "1978-12-05", "17890125"),
        ("sorted-date-digits", "1987-05-21", "17890125"),
        ("sorted-date-digits", "1987-05", "178905"),
        ("sorted-date-digits", "1987", "1789"),
        ("sorted-year-digits", "1978-12-05", "1789"),
        ("sorted-year-digits", "1987", "1789"),
    ],
)
def test_forms_keep_what_likely_errors_leave(form: str, value: str, expected: str) -> None:
    assert parts_of(form)(value) == (expected,)  # type: ignore[arg-type]
