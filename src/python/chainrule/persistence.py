"""Models in files.

A file is a pickle of one dict of builtins: ``format`` and ``version`` of the file, ``chainrule`` (the version that
wrote it), ``network`` (sizes, activations, bias, dropout, noise, dtype), ``seed``, ``weights`` and ``biases`` (each array as
dtype, shape and little-endian bytes), ``preprocessing`` (what a program needs to prepare its inputs, or None) and
``sha256``, a checksum of all the others. ``pickle.load`` reads it without chainrule and without NumPy. A file whose name
ends with ``.safetensors`` is of that format, with the same content (`_model_tensors`). docs/files.md describes both.

`load` trusts nothing: its reader of pickles knows plain data only, so that a file cannot name a class or a function, and
every field and the checksum are checked before a model is made. ``pickle.load``, by contrast, runs whatever a file says: on
a file of a stranger's it is never safe.
"""

from __future__ import annotations

import os
import pickle
from typing import Any, BinaryIO

from ._builtins import read_builtins
from ._checks_values import describe
from ._files import check_path, open_regular, write_whole
from ._plain import check_record
from ._record_checksum import checksum
from ._run_frames import BEGINNING
from .model import MLP

FORMAT, VERSION = "chainrule.model", 1
SAFETENSORS = ".safetensors"
EXPORTED = (".onnx", ".h", ".py")
FIELDS = ("network", "seed", "weights", "biases", "preprocessing", "sha256")


def save(model: MLP, path: str | os.PathLike[str], *, preprocessing: dict[str, Any] | None = None) -> None:
    """Write a model to a file, whole or not at all.

    Parameters
    ----------
    model : MLP
    path : str or path
        A file of that name is replaced, when the new one is safely on the disk. A name that ends with ``.safetensors``
        makes a file of that format, any other a pickle.
    preprocessing : dict, optional
        Anything made of dicts, lists, tuples, strings, bytes, numbers and None that is to be kept with the model.

    Raises
    ------
    TypeError
        If something else is in ``preprocessing``, or an argument is of a wrong type.
    ValueError
        If the same list, tuple, dict or long text is in ``preprocessing`` twice; put copies in.
    OSError
        If the file cannot be written; one that was there is as before.
    """
    if not isinstance(model, MLP):
        raise TypeError(f"model must be an MLP, but it is a {type(model).__name__}")
    path = check_path(path)
    if path.lower().endswith(EXPORTED):
        raise ValueError(
            f"{path} has the ending of a file that predicts without chainrule: chainrule.export or `python -m chainrule export` write "
            "such files; a model is saved as .pkl or .safetensors"
        )
    _check_preprocessing(preprocessing)
    record = {**model.__getstate__(), "preprocessing": preprocessing}
    if path.lower().endswith(SAFETENSORS):
        from ._model_tensors import encode_model  # brings json

        write_whole(path, encode_model(record))
        return
    record["sha256"] = checksum(record)
    write_whole(path, pickle.dumps(record, protocol=4))


def _check_preprocessing(preprocessing: Any) -> None:
    """Refuse what `load` would refuse, before a file is replaced by it."""
    if preprocessing is None:
        return
    if not isinstance(preprocessing, dict):
        raise TypeError(f"preprocessing must be a dict or None, but it is {describe(preprocessing)}")
    try:
        checksum(preprocessing)
        read_builtins(pickle.dumps(preprocessing, protocol=4), "MLP.save")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"preprocessing cannot be kept in a file: {error}") from error


def load(path: str | os.PathLike[str]) -> MLP:
    """Return the model that a file holds, a pickle or safetensors: its content says which.

    Parameters
    ----------
    path : str or path

    Raises
    ------
    ValueError
        If the file is damaged, or of another kind or a later version; the message names it and says why. Reading a
        hostile file runs no code.
    OSError
        If the file cannot be read.
    """
    return load_with_preprocessing(path)[0]


def load_with_preprocessing(path: str | os.PathLike[str]) -> tuple[MLP, dict[str, Any] | None]:
    """Return the model that a file holds, and what was saved with it as ``preprocessing``.

    Raises
    ------
    ValueError, OSError
        As `load`.
    """
    name = check_path(path)
    file, size = open_regular(name)
    with file:
        try:
            record = _read(file, size)
            preprocessing = record.pop("preprocessing")
            if preprocessing is not None and not isinstance(preprocessing, dict):
                raise ValueError("preprocessing must be a dict or None")
            model = MLP.__new__(MLP)
            model.__setstate__(record)
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"{name} cannot be loaded as a model: {error}") from error
    return model, preprocessing


def is_safetensors(beginning: bytes) -> bool:
    """Return whether a file that begins with these bytes, nine or more, is safetensors, sound or not."""
    return beginning[8:9] == b"{" and not beginning.startswith(b"\x80\x04\x95")


def _read(file: BinaryIO, size: int) -> dict[str, Any]:
    """Return the record of a model that a file holds, its checksum looked at and taken away."""
    beginning = file.read(len(BEGINNING))
    file.seek(0)
    if beginning == BEGINNING:
        raise ValueError(
            "it is a run of Trainer.fit, and holds several; cr.Checkpoints(path).model() is what it ended with"
        )
    if is_safetensors(beginning):
        from ._model_tensors import decode_model  # brings json

        return decode_model(file, size, FORMAT, VERSION)
    record = check_record(read_builtins(file, "MLP.save", size), FORMAT, VERSION, FIELDS)
    expected = record.pop("sha256")
    if checksum(record) != expected:
        raise ValueError("its checksum is wrong, so the file is damaged")
    return record
