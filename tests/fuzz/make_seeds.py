#!/usr/bin/env python3
"""Writes the well-formed seeds of the binary formats, tests/fuzz/corpus/TARGET/seed_*; nothing but Python's library is needed.

Fuzzing from a file that the reader accepts gets far deeper than fuzzing from nothing. The seeds are committed; whoever changes this
file runs it again. Text seeds are written by hand, and inputs that once failed are kept beside them under names that say what of."""

import collections
import io
import json
import pathlib
import pickle
import struct
import sys
import zipfile

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"


def put(target: str, name: str, content: bytes) -> None:
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed_{name}").write_bytes(content)


# --- GGUF -------------------------------------------------------------------------------------------------------------------------

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
FORMATS = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "B", U64: "Q", I64: "q", F64: "d"}


def gguf_text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def gguf_value(kind: int, value) -> bytes:
    """value: of an ARRAY, (kind of the elements, elements)."""
    if kind == STRING:
        return gguf_text(value)
    if kind == ARRAY:
        inner, items = value
        return struct.pack("<IQ", inner, len(items)) + b"".join(gguf_value(inner, item) for item in items)
    return struct.pack("<" + FORMATS[kind], value)


def gguf(metadata: list, tensors: list, version: int = 3) -> bytes:
    """tensors: (name, dimensions, number of the type, bytes)."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    for key, kind, value in metadata:
        head += gguf_text(key) + struct.pack("<I", kind) + gguf_value(kind, value)
    data = b""
    for name, dimensions, kind, content in tensors:
        head += gguf_text(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, kind, len(data))
        data += content + bytes(-len(content) % 32)
    return head + bytes(-len(head) % 32) + data


def write_gguf() -> None:
    values = [("u8", U8, 1), ("i8", I8, -1), ("u16", U16, 2), ("i16", I16, -2), ("u32", U32, 3), ("i32", I32, -3), ("f32", F32, 0.5),
              ("bool", BOOL, 1), ("text", STRING, "x"), ("u64", U64, 4), ("i64", I64, -4), ("f64", F64, 0.25),
              ("list", ARRAY, (U32, [1, 2])), ("lists", ARRAY, (ARRAY, [(STRING, ["a"]), (F32, [1.5])])), ("general.alignment", U32, 32)]
    put("gguf", "values", gguf(values, [("w", [2, 1], 0, bytes(8))]))
    blocks = {2: 18, 3: 20, 6: 22, 7: 24, 8: 34, 12: 144, 13: 176, 14: 210}  # bytes of a block of each quantised type
    put("gguf", "quantised", gguf([], [(f"t{kind}", [32 if kind < 12 else 256], kind, bytes(range(size))) for kind, size in blocks.items()]))
    settings = [("tokenizer.ggml.bos_token_id", U32, 0), ("tokenizer.ggml.eos_token_id", U32, 1), ("tokenizer.ggml.add_bos_token", BOOL, 1)]
    for pre in ("smollm", "llama-bpe", "qwen2"):
        tokens = ["<|im_start|>", "<|im_end|>", "d", "o", "g", "do", "dog", "\u0120", "\u010a"]
        put("gguf", f"bpe_{pre}", gguf(
            [("tokenizer.ggml.model", STRING, "gpt2"), ("tokenizer.ggml.pre", STRING, pre), ("tokenizer.ggml.tokens", ARRAY, (STRING, tokens)),
             ("tokenizer.ggml.token_type", ARRAY, (I32, [3, 3, 1, 1, 1, 1, 1, 1, 1])),
             ("tokenizer.ggml.merges", ARRAY, (STRING, ["d o", "do g"])), *settings], []))
    pieces = ["<unk>", "<s>", "</s>", "dog", "\u2581", "d", "o", "do"]
    put("gguf", "sentencepiece", gguf(
        [("tokenizer.ggml.model", STRING, "llama"), ("tokenizer.ggml.tokens", ARRAY, (STRING, pieces)),
         ("tokenizer.ggml.token_type", ARRAY, (I32, [2, 3, 3, 4, 1, 1, 1, 1])),
         ("tokenizer.ggml.scores", ARRAY, (F32, [0, 0, 0, 0, -3, -4, -5, -1])), *settings], [], version=2))


# --- safetensors ------------------------------------------------------------------------------------------------------------------


def safetensors(header: dict, data: bytes) -> bytes:
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def write_safetensors() -> None:
    put("safetensors", "one", safetensors({"w": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}}, bytes(8)))
    sizes = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for dtype, size in sizes.items():
        header[dtype.lower()] = {"dtype": dtype, "shape": [], "data_offsets": [end, end + size]}
        end += size
    header["empty"] = {"dtype": "F32", "shape": [3, 0], "data_offsets": [end, end]}
    put("safetensors", "types", safetensors(header, bytes(end)))


# --- torch.save() -----------------------------------------------------------------------------------------------------------------


class Callable:
    """What pickles as the class or function torch writes, without torch."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name


class Storage:
    def __init__(self, kind: str, key: str, elements: int):
        self.kind, self.key, self.elements = kind, key, elements


class Tensor:
    def __init__(self, storage: Storage, offset: int, shape: tuple, strides: tuple, parameter: bool = False):
        self.arguments, self.parameter = (storage, offset, shape, strides, False, collections.OrderedDict()), parameter


class TorchPickler(pickle._Pickler):  # Python's own, of which save_global can be told what to write
    def persistent_id(self, value):
        if isinstance(value, Storage):
            return ("storage", Callable("torch", value.kind), value.key, "cpu", value.elements)
        return None

    def save(self, value, save_persistent_id=True):
        if isinstance(value, Callable):
            return self.write(f"c{value.module}\n{value.name}\n".encode())
        if isinstance(value, Tensor):
            return self.save_tensor(value)
        return super().save(value, save_persistent_id)

    def save_tensor(self, value: Tensor) -> None:
        if value.parameter:
            self.save(Callable("torch._utils", "_rebuild_parameter"))
            self.write(pickle.MARK)
        self.save(Callable("torch._utils", "_rebuild_tensor_v2"))
        self.save(value.arguments)
        self.write(pickle.REDUCE)
        if value.parameter:
            self.save(False)
            self.save(collections.OrderedDict())
            self.write(pickle.TUPLE + pickle.REDUCE)


def torch_pickle(value, protocol: int = 2) -> bytes:
    out = io.BytesIO()
    TorchPickler(out, protocol).dump(value)
    return out.getvalue()


def torch_file(value, storages: dict) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in {"data.pkl": torch_pickle(value), "byteorder": b"little", "version": b"3\n",
                              **{f"data/{key}": content for key, content in storages.items()}}.items():
            archive.writestr(zipfile.ZipInfo(f"m/{name}"), content)
    return out.getvalue()


def write_torch() -> None:
    weights = Storage("FloatStorage", "0", 6)
    state = collections.OrderedDict([("w", Tensor(weights, 0, (2, 3), (3, 1))), ("b", Tensor(weights, 3, (3,), (1,), parameter=True))])
    rest = {"model": state, "step": 3, "loss": 0.5, "name": "x", "big": 1 << 70, "list": [1, (2, 3), {4}, None, True], "bytes": b"ab"}
    for protocol in (2, 3, 4, 5):
        put("pickle", f"protocol{protocol}", torch_pickle(rest, protocol))
    put("pickle", "complex", torch_pickle({"c": Tensor(Storage("ComplexFloatStorage", "0", 1), 0, (1,), (1,))}))
    put("torch_file", "state_dict", torch_file(state, {"0": bytes(24)}))
    truths = {"t": Tensor(Storage("BoolStorage", "1", 2), 0, (2,), (1,)), "h": Tensor(Storage("HalfStorage", "2", 1), 0, (), ())}
    put("torch_file", "types", torch_file(truths, {"1": b"\0\1", "2": bytes(2)}))


# --- SentencePiece ----------------------------------------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def field(number: int, value) -> bytes:
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def sentencepiece(pieces: list, byte_fallback: int) -> bytes:
    model = b"".join(field(1, field(1, text.encode()) + field(2, score) + field(3, kind)) for text, score, kind in pieces)
    trainer = field(3, 2) + field(35, byte_fallback) + field(44, " \u2047 ".encode())
    return model + field(2, trainer) + field(3, field(1, b"identity") + field(3, 1) + field(4, 0))


def write_sentencepiece() -> None:
    pieces = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3), ("\u2581", -5.0, 1), ("d", -4.0, 1), ("o", -3.0, 1), ("do", -1.0, 1)]
    put("sentencepiece", "small", sentencepiece(pieces, 0))
    put("sentencepiece", "kinds", sentencepiece([*pieces, ("dog", -0.5, 4), ("og", -2.0, 5)], 0))
    put("sentencepiece", "bytes", sentencepiece([*pieces, *((f"<0x{byte:02X}>", 0.0, 6) for byte in range(256))], 1))
    config = {"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": False}, "legacy": False, "add_bos_token": True,
              "add_eos_token": True, "added_tokens_decoder": {"7": {"content": "<pad>", "special": True}}}
    put("sentencepiece", "config", sentencepiece(pieces, 0) + b"\n@tokenizer_config.json\n" + json.dumps(config).encode())
    put("sentencepiece", "maps", sentencepiece(pieces, 0) + b'\n@special_tokens_map.json\n{"unk_token":"<unk>","pad_token":"<p>",' +
        b'"additional_special_tokens":["<a>"]}\n@added_tokens.json\n{"<b>":7}')


if __name__ == "__main__":
    write_gguf()
    write_safetensors()
    write_torch()
    write_sentencepiece()
    sys.exit(0)
