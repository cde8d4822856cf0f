"""The contenders in Python: what each found on stdout, how long its steps took, in milliseconds, on stderr."""

import sys
import time
from importlib.metadata import version

file, name, question, chunk, budget, fact = sys.argv[1:]
chars, best = int(chunk) * 4, int(budget) // int(chunk)

try:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    packages = ["langchain-text-splitters"]
    if name.endswith("rank_bm25"):
        from rank_bm25 import BM25Okapi

        packages.append("rank_bm25")
    elif name.endswith("bm25s"):
        import bm25s

        packages.append("bm25s")
except ImportError as error:
    print(f"{error}; pip install rank_bm25 bm25s langchain-text-splitters", file=sys.stderr)
    sys.exit(3)

clock = time.perf_counter()


def done(step):
    global clock
    print(step, (time.perf_counter() - clock) * 1e3, file=sys.stderr)
    clock = time.perf_counter()


with open(file, encoding="utf-8") as opened:
    text = opened.read()
clock = time.perf_counter()

chunks = RecursiveCharacterTextSplitter(chunk_size=chars, chunk_overlap=0).split_text(text)
done("split")
if name.endswith("rank_bm25"):
    ranking = BM25Okapi([chunk.lower().split() for chunk in chunks])
    done("index")
    found = ranking.get_top_n(question.lower().split(), chunks, n=best)
    done("rank")
elif name.endswith("bm25s"):
    ranking = bm25s.BM25()
    ranking.index(bm25s.tokenize(chunks, show_progress=False), show_progress=False)
    done("index")
    asked = bm25s.tokenize(question, show_progress=False)
    numbers, _ = ranking.retrieve(asked, k=best, show_progress=False)
    found = [chunks[number] for number in numbers[0]]
    done("rank")
else:
    found = [chunk for chunk in chunks if fact in chunk]
print("\n".join(found))
packages = ", ".join(f"{package} {version(package)}" for package in packages)
print(f"versions Python {sys.version.split()[0]}, {packages}", file=sys.stderr)
