"""One file for each engine that joins the generated streams: the product's kernel, and what one would use without it.

Each has ``load(folder, minutes)``, which is not timed, ``join(tables)``, which is, and ``columns(result)``, which hands
out the result in one form for all engines, so that it can be compared.
"""
