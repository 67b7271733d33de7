"""What Python and the scripts of pages must show alike: marks in texts, and searches for tags."""

TAG_QUERIES = [
    ("kite", "tag:kite"),
    ("sandy beach", 'tag:"sandy beach"'),
    ('the "red" kite', 'tag:"the red kite"'),
    ("«5”", "tag:5"),
    ("t-shirt & hat", 'tag:"t-shirt & hat"'),
    ("海辺", "tag:海辺"),
]

HIGHLIGHTS = [
    ("A cat may concatenate cats; Cat, cat_1.", ["cat"], ["cat", "cat"]),
    ("A cat may concatenate cats; Cat, cat_1.", ["cats", "Cat", "cat"], ["cat", "cats", "Cat", "cat"]),
    ("IMG_1234.jpg", ["IMG", "1234"], ["IMG", "1234"]),
    ("Ein Café, ein Cafe\u0301.", ["Café", "Cafe\u0301"], ["Café", "Cafe\u0301"]),
    ("Cafe\u0301", ["Cafe"], []),
    ("con\u00adcat", ["cat", "con"], []),
    ("橙色的猫", ["橙色", "色的"], ["橙色的"]),
    ("橙色的猫", ["橙", "猫"], ["橙", "猫"]),
    ("a橙色cat", ["cat", "橙色"], ["橙色cat"]),
    ("a橙色cat", ["a"], ["a"]),
    ("ｶﾞｶ", ["ｶ"], ["ｶ"]),
    ("หมาแมว", ["แม", "มว"], ["แมว"]),
    ("กี ก", ["ก"], ["ก"]),
    ("고양이 2마리", ["양이", "2"], ["양이", "2"]),
    ("हिन्दी हिन्द", ["हिन्द"], ["हिन्द"]),
    ("a\U0001f408b \U00020000\U00020001", ["b", "\U00020001"], ["b", "\U00020001"]),
    ("nothing here", [], []),
    ("", ["cat"], []),
]
"""Texts, parts that a search found, and what is marked of them."""
