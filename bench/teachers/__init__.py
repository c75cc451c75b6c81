"""Teachers: networks trained on the real set, whose answers are the labels that students learn.

`specs` says what can be a teacher, `weights` and `training` make it an artefact, `mapping` puts its
outputs into the order of a set's labels, `measured` finds out how well it answers there, `opened`
hands it to a protocol. `importing` turns a pickled checkpoint into safetensors, in a process of its
own (`unpickle`); nothing else here reads a pickle.
"""
