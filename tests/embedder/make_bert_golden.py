"""A tiny BERT with random weights and a small WordPiece vocabulary, what transformers and tokenizers make of some texts, and the files
beside them that sentence-transformers writes. Same seed, same files.

    python tests/embedder/make_bert_golden.py tests/golden/bert_tiny

Needs torch, transformers, tokenizers and safetensors.
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "parity"))
import make_captions  # noqa: E402

LONGEST = 24  # tokens
TEXTS = ["", " ", "sound of a dog barking", "Sound of A DOG Barking", "A man's voice, then rain (far away).", "caf\u00e9 na\u00efve", "cafe\u0301",
         "\u4f60\u597d dog", "\U0001f600 rain", "\u0130\u03a3", "x\u00ad\u200by\ufffdz\x00\x85w", "[CLS] rain [SEP]", "q" * 101, "a" * 40,
         "a dog barks and a man talks while rain falls on a metal roof and birds chirp in the distance and a bell rings", "don't -- stop!"]


def make_tokenizer():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=320, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False)
    tokenizer.train_from_iterator(make_captions.captions(5, 1000), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def main():
    folder = pathlib.Path(sys.argv[1])
    (folder / "1_Pooling").mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = BertConfig(vocab_size=tokenizer.get_vocab_size(), hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
                        max_position_embeddings=32, type_vocab_size=2, initializer_range=0.3)
    torch.manual_seed(0)
    model = BertModel(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():  # biases and norms that are not 0 and 1
            if parameter.dim() == 1:
                parameter.add_(torch.randn(parameter.shape) * 0.2)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({**config.to_dict(), "model_type": "bert"}, indent=1, sort_keys=True) + "\n")
    kinds = ["Transformer", "Pooling", "Normalize"]
    (folder / "modules.json").write_text(json.dumps([
        {"idx": i, "name": str(i), "path": "" if i == 0 else f"{i}_{kind}", "type": f"sentence_transformers.models.{kind}"} for i, kind in enumerate(kinds)]) + "\n")
    (folder / "1_Pooling/config.json").write_text(json.dumps({"word_embedding_dimension": 24, "pooling_mode_mean_tokens": True}) + "\n")
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": LONGEST, "do_lower_case": False}) + "\n")
    cases = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        cut = ids[:LONGEST - 1] + ids[-1:] if len(ids) > LONGEST else ids
        with torch.no_grad():
            pooled = model(torch.tensor([cut])).last_hidden_state[0].double().mean(0)
        cases.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False),
                      "embedding": [round(x, 7) for x in (pooled / pooled.norm()).tolist()]})
    (folder / "cases.json").write_text("[" + ",\n".join(json.dumps(case) for case in cases) + "]\n")


main()
