"""The crash programme: power cuts, killed processes and failing disks, against the real journal.

``python -m crash 10000`` runs all of it (Linux). In the order of reading: `images` (what a cut leaves of a disk),
`recorder` (what reached the disk), `promises` (what was promised, and whether it was kept), `scenarios` (what the
vault is doing meanwhile), `programme` (plays them and cuts); then `faults`, `kills` and `power`.
"""
