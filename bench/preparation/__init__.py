"""What guided methods make of the real set before they sample: latents, statistics, modes.

Every artefact here is one folder with a file per class, so that a set of any size is built with
one class in memory and a kill costs one class. Each has a seed of its own, 0: it is shared by
methods and by distillation seeds.
"""
