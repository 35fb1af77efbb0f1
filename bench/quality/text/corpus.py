"""Turns corpora of nltk_data into token ids: text to pretrain on, and labelled sentences to fine-tune on.

    python corpus.py FOLDER

FOLDER has the unzipped packages/corpora of https://github.com/nltk/nltk_data (commit 5db857e6). Writes assets/vocabulary.json,
assets/TASK.npz for each task, and text.npy (to pretrain on; not kept in the repository) to this folder. assets/README.md names
the sources and their licences. TREC names no licence: its file is written but not kept in the repository.
"""

import collections
import glob
import json
import os
import random
import re
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = 10_000
TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9]+|[^\sa-z0-9]")
# Unknown words keep the information in their ending.
ENDINGS = ["ing", "ed", "ly", "tion", "ness", "er", "est", "al", "ous", "s"]
SPECIAL = ["<pad>", "<mask>", "<sep>", "<unk>", "<num>"] + [f"<unk-{ending}>" for ending in ENDINGS]

PRODUCTS = {
    "camera": ["product_reviews_1/Canon_G3", "product_reviews_1/Nikon*", "product_reviews_2/Canon*"],
    "phone": ["product_reviews_1/Nokia*", "product_reviews_2/Nokia*"],
    "music": ["product_reviews_1/Creative*", "product_reviews_2/MicroMP3", "product_reviews_2/ipod"],
    "dvd": ["product_reviews_1/Apex*"],
    "network": ["product_reviews_2/Linksys*"],
    "wood": ["product_reviews_2/Hitachi*"],
    "baby": ["product_reviews_2/Diaper*"],
    "software": ["product_reviews_2/norton"],
}


def tokens(text):
    text = text.lower().replace("``", '"').replace("''", '"').replace(" 's", "'s").replace(" n't", "n't")
    return TOKEN.findall(text)


def unknown(word):
    if word.isdigit():
        return "<num>"
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return f"<unk-{ending}>"
    return "<unk>"


def read(path, encoding="utf-8"):
    with open(path, encoding=encoding, errors="replace") as file:
        return file.read()


def documents(folder):
    """Text that may be shipped: CC BY 4.0, public domain, and MASC, which is free for any use."""
    for path in files(folder, "movie_reviews/*/*.txt"):
        yield tokens(read(path))
    for path in files(folder, "masc_tagged/**/*.txt"):
        yield tokens(" ".join(word.rsplit("_", 1)[0] for word in read(path).split()))
    for pattern in ("state_union/*.txt", "inaugural/*.txt", "genesis/english*.txt"):
        for path in files(folder, pattern):
            yield tokens(read(path))
    for pattern in ("product_reviews_*/*.txt", "comparative_sentences/labeledSentences.txt"):
        for path in files(folder, pattern):
            yield tokens(re.sub(r"^.*?##", "", read(path), flags=re.M))


def files(folder, pattern):
    return [path for path in sorted(glob.glob(os.path.join(folder, pattern), recursive=True)) if "README" not in path]


def polarity(folder):
    for label, name in enumerate(("neg", "pos")):
        for line in read(os.path.join(folder, f"sentence_polarity/rt-polarity.{name}")).splitlines():
            yield tokens(line), label


def pros_and_cons(folder):
    for label, name in enumerate(("Cons", "Pros")):
        for line in read(os.path.join(folder, f"pros_cons/Integrated{name}.txt")).splitlines():
            found = tokens(re.sub(r"<[^>]*>", " ", line))
            if len(found) >= 2:
                yield found, label


def products(folder):
    """The kind of product that a sentence of a review is about."""
    for label, patterns in enumerate(PRODUCTS.values()):
        for pattern in patterns:
            for path in files(folder, f"{pattern}.txt"):
                for line in read(path).splitlines():
                    found = tokens(line.partition("##")[2]) if "##" in line else []
                    if len(found) >= 4:
                        yield found, label


def trec(folder):
    names = ["DESC", "ENTY", "ABBR", "HUM", "LOC", "NUM"]
    for name in ("train", "test"):
        for line in read(os.path.join(folder, f"qc/{name}.txt"), "latin-1").splitlines():
            label, text = line.split(" ", 1)
            yield tokens(text), names.index(label.split(":")[0])


# What is read, the prompt, the words that stand for the labels, the sentences for training, validation and test, and the
# tokens of the longest sentence.
TASKS = {
    "proscons": (pros_and_cons, "it is <mask> :", ["bad", "good"], (7000, 1200, 2400), 18),
    "products": (products, "the <mask> :", list(PRODUCTS), (4400, 800, 2000), 30),
    "polarity": (polarity, "it was <mask> :", ["bad", "great"], (7000, 1200, 2400), 30),
    "trec": (trec, "the <mask> :", ["meaning", "thing", "letters", "person", "place", "number"], (3900, 550, 1500), 18),
}


def main(folder):
    texts = list(documents(folder))
    count = collections.Counter(word for text in texts for word in text if not word.isdigit())
    vocabulary = SPECIAL + [word for word, _ in count.most_common(WORDS - len(SPECIAL))]
    index = {word: at for at, word in enumerate(vocabulary)}

    def encode(words):
        return [index[word] if word in index else index[unknown(word)] for word in words]

    random.Random(0).shuffle(texts)
    stream = np.array([at for text in texts for at in encode(text) + [index["<sep>"]]], dtype=np.int32)
    print(f"{len(texts)} texts, {len(stream)} tokens, {len(count)} different words")
    data = os.path.join(HERE, "assets")
    os.makedirs(data, exist_ok=True)
    np.save(os.path.join(HERE, "text.npy"), stream)
    with open(os.path.join(data, "vocabulary.json"), "w", encoding="utf-8") as file:
        json.dump(vocabulary, file, ensure_ascii=False, separators=(",", ":"))
    for name, (source, prompt, words, sizes, longest) in TASKS.items():
        if name == "trec" and not os.path.isdir(os.path.join(folder, "qc")):
            continue
        rows = list(source(folder))
        # Only as many as are used, the same ones every time.
        random.Random(1).shuffle(rows)
        rows = rows[: sum(sizes)]
        start = [index[word] for word in prompt.split()]
        inputs = np.zeros((len(rows), longest), dtype=np.int16)
        for at, (text, _) in enumerate(rows):
            line = (start + encode(text))[:longest]
            inputs[at, : len(line)] = line
        np.savez_compressed(
            os.path.join(data, f"{name}.npz"),
            inputs=inputs,
            labels=np.array([label for _, label in rows], dtype=np.int8),
            sizes=np.array(sizes),
            words=np.array([index[word] for word in words]),
            mask=np.array(start.index(index["<mask>"])),
        )
        print(name, len(rows), "sentences, by label", np.bincount([label for _, label in rows]))


if __name__ == "__main__":
    main(sys.argv[1])
